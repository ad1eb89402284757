"""The words of the demo's data: what customers of a made-up online shop ask for, and how people say it.

`make_data.py` puts them together. Slots in braces are filled once a message, so that all clauses of it speak of the same
thing on the same day. Every line was written for this project.
"""

from __future__ import annotations

# What completes "I want to …", label by label. The label of a message is what its writer wants *now*.
WANTS: dict[str, tuple[str, ...]] = {
    "track order": (
        "find out where my parcel is", "know when the {item} will arrive", "get an update on my delivery",
        "see where order {no} has got to", "know whether the {item} has been dispatched", "get a tracking link that works",
        "find out why my delivery is late", "know which courier has my parcel", "check if order {no} has left your warehouse",
        "hear what happened to the parcel that was due on {day}", "know how long the {item} is still going to take",
    ),
    "change order": (
        "change the delivery address on my order", "have the {item} sent to my office", "switch order {no} to express shipping",
        "get the {item} in {color} before it ships", "add a {item2} to the order I placed {when}", "move the delivery to {day}",
        "correct the house number on order {no}", "have the parcel left with my neighbour", "take a larger size on my order",
        "swap the {item} on my open order for a {item2}", "collect order {no} from a pick-up point", "order two instead of one",
    ),
    "cancel order": (
        "cancel order {no}", "cancel my order", "call off the order I placed {when}", "stop the {item} from being shipped",
        "withdraw my order for the {item}", "have the whole order scrapped", "undo the purchase I made {when}",
        "stop order {no} before it goes out", "cancel the {item} while it is still in your warehouse", "drop my order completely",
    ),
    "return item": (
        "return the {item}", "send the {item} back", "get a return label for the {item}", "have a return picked up on {day}",
        "know how long I have for sending things back", "hand the {item} back in one of your shops", "open a return for order {no}",
        "give the {item} back because it does not suit me", "ship the {item} back to your warehouse", "print the return form again",
    ),
    "refund": (
        "get my money back for the {item}", "know when my refund will arrive", "ask where the refund for order {no} is",
        "be repaid for the {item} that I sent back", "chase the refund you promised {when}", "see the {amount} back on my card",
        "have the refund paid to another card", "find out why only part of the refund came", "get the {amount} that you owe me",
    ),
    "damaged item": (
        "report a {item} that arrived broken", "get a replacement for the damaged {item}", "have the faulty {item} repaired",
        "complain about a {item} that fell apart", "swap the broken {item} for one that works", "use the warranty on my {item}",
        "show you photos of the cracked {item}", "get spare parts for a {item} that came incomplete", "report the scratches on the {item}",
    ),
    "billing": (
        "dispute a charge of {amount}", "understand why I was charged twice", "get a correct invoice for order {no}",
        "have the wrong amount on my bill corrected", "ask about a payment that I do not recognise", "get the receipt for the {item}",
        "find out why my discount code was not taken off", "know why I was billed {amount} for shipping", "pay for order {no} by invoice",
        "know why my card was declined", "have the tax number put on the invoice",
    ),
    "account access": (
        "reset my password", "get back into my account", "unlock my account", "change the email address that I log in with",
        "receive the login code on my new phone", "recover my user name", "turn off two-step sign-in", "log in from my new laptop",
        "sign in to see order {no}", "confirm my email address so that I can log in", "know why I am logged out all the time",
    ),
}  # fmt: skip

# Situations that say the same without asking: they stand alone, or as a distractor that is settled.
FACTS: dict[str, tuple[str, ...]] = {
    "track order": (
        "the tracking page has not moved since {day}", "I have waited for the {item} for {n} days and nothing has come",
        "your email promised the {item} for {day} but the doorstep is empty", "nobody can tell me which depot my parcel is in",
        "the app says out for delivery every morning and nobody turns up", "the tracking number for order {no} does not exist",
    ),
    "change order": (
        "I typed the wrong street when I ordered the {item}", "I am moving before {day} and order {no} still goes to the old flat",
        "I picked medium and should have picked large, and it has not shipped yet", "nobody will be at home when order {no} comes on {day}",
        "I chose the {item} in the wrong colour and it should be {color}", "I forgot to put a {item2} into order {no}, which is still open",
    ),
    "cancel order": (
        "I found the {item} cheaper and no longer need the one that I ordered", "my son ordered a {item} without asking and it must not ship",
        "I pressed the order button by accident and do not want any of it", "the {item} would come too late, so do not send it at all",
        "I placed order {no} twice and one of the two should go away", "we have no use any more for the {item} that you are packing",
    ),
    "return item": (
        "the {item} is fine but it does not go with my flat, so you can have it again", "the {wear} is too tight and I have kept the tags on",
        "I unpacked the {item} and simply do not like it", "the {wear} is a size too big and I will not keep it",
        "she already had a {item}, so the one I gave her goes back to you", "the {item} is not what I pictured and is already packed up again",
    ),
    "refund": (
        "you received the {item} on {day} and my bank still shows nothing", "I sent the {item} back {when} and have not seen the {amount} yet",
        "order {no} was cancelled {when} but the {amount} never came", "only half of the {amount} for the returned {item} has arrived",
        "you promised the {amount} within five days and it has been {n}", "the money for the {item} went back to a card that I closed",
    ),
    "damaged item": (
        "the {item} came with a crack down one side", "the {device} does not switch on", "the {device} smells of burning after a minute",
        "the box was crushed and the {item} inside is bent", "the {wear} has a torn seam straight out of the bag",
        "the {device} stopped working {when}", "two screws and a part of the {item} were missing in the box",
    ),
    "billing": (
        "my card was charged {amount} twice for one {item}", "the invoice says {amount} and the page had said less",
        "there is a payment of {amount} on my statement that I never made", "my discount code was accepted and then not taken off",
        "the bill for order {no} lists shipping although it was free", "my card is declined at checkout although the bank sees no problem",
    ),
    "account access": (
        "the page calls my password wrong although I set it {when}", "the code for signing in never reaches my phone",
        "it keeps telling me that I am locked out", "I lost the phone that the login code goes to",
        "each time I sign in I am thrown back to the start page", "the link for a new password had expired when I opened it",
    ),
}  # fmt: skip

# How a want alone is said.
PLAIN: tuple[str, ...] = (
    "I would like to {a}.", "I want to {a}.", "can you help me {a}?", "please help me to {a}.", "how do I {a}?", "I need to {a}.",
    "is it possible to {a}?", "I am trying to {a}.", "my question is how to {a}.", "what do I have to do to {a}?", "this is about {ag}.",
    "{ag} seems to be impossible on your site.", "I cannot find the page where I can {a}.", "who do I have to ask if I want to {a}?",
)  # fmt: skip

# Two wants: `a` is what is asked for, `b` (and `c`) what is mentioned; `g` is the "-ing" form, `f` a situation.
# Each kind comes in both orders, so that neither the first nor the last mention gives it away.
MIXED: dict[str, tuple[str, ...]] = {
    "changed mind": (
        "I was going to {b}, but now I would rather {a}.", "first I wanted to {b}, now I want to {a}.",
        "my plan was to {b}. Forget that, I need to {a}.", "yesterday I asked you to help me {b}. Drop that and help me {a}, please.",
        "at first I thought I should {b}, then I decided to {a}.", "I have given up {bg} and would like to {a}.",
        "I want to {a} now. Until this morning I was going to {b}.", "please help me {a}. Earlier I meant to {b}, but not any more.",
        "I have decided to {a}, although {when} I still wanted to {b}.", "I need to {a}. My old message, where I asked to {b}, can be ignored.",
        "I would like to {a} after all, and no longer to {b}.", "help me {a}, please, as I have dropped the idea of {bg}.",
    ),
    "negation": (
        "I do not want to {b}, I want to {a}.", "this is not about {bg} but about {ag}.", "no need to help me {b}. I only need to {a}.",
        "nobody has to help me {b}, just tell me how to {a}.", "I never asked to {b}. I asked to {a}.",
        "I want to {a}, not to {b}.", "this is about {ag} and not about {bg}.", "please help me {a}. I am not trying to {b}.",
        "I need to {a} and have no wish to {b}.", "it is {ag} that I need help with, not {bg}.", "I asked to {a}. I never asked to {b}.",
    ),
    "preference": (
        "instead of {bg}, I would like to {a}.", "rather than {b}, I want to {a}.", "before I {b}, I have to {a}.",
        "{bg} can wait, today I need to {a}.", "I could {b}, but I would much rather {a}.", "it makes no sense to {b} as long as I cannot {a}.",
        "I would rather {a} than {b}.", "I would like to {a} instead of {bg}.", "help me {a} first, {bg} can wait.",
        "I prefer {ag} to {bg}.", "I want to {a} before I {b}.", "as long as I cannot {a}, it makes no sense to {b}.",
    ),
    "too late": (
        "I wanted to {b}, but your site says it is too late for that, so help me {a}.", "if I still could I would {b}, but as it is I need to {a}.",
        "since it is no longer possible to {b}, I want to {a}.", "{bg} did not work out, so now I want to {a}.",
        "please help me {a}, since your site says it is too late to {b}.", "I need to {a} because it is no longer possible to {b}.",
        "I want to {a} now that {bg} has not worked out.", "what is left for me is to {a}, as I am not allowed to {b}.",
    ),
    "misunderstood": (
        "your chat bot keeps explaining how to {b}. I asked how to {a}.", "the man on the phone thought I wanted to {b}, in fact I want to {a}.",
        "you sent me a page on {bg}, which is no use when I want to {a}.", "everyone assumes that I want to {b}, yet all I want is to {a}.",
        "I asked how to {a} and your chat bot told me how to {b}.", "I want to {a}, whatever the man on the phone wrote down about {bg}.",
        "I called to {a} and was put through to someone who helps people {b}.", "for {ag} I was sent a page on {bg}, which is no use.",
    ),
    "somebody else": (
        "my sister wrote to you because she wants to {b}. I need to {a}.", "my husband asked how to {b}, but it is my order and I want to {a}.",
        "you helped my flatmate {b}, and now I would like to {a}.", "other people here may want to {b}. I just want to {a}.",
        "I need to {a}. My flatmate, who wants to {b}, will write to you on her own.", "I would like to {a}. It was my brother who asked to {b}.",
        "I want to {a}, it is only my mother who would rather {b}.", "can you help me {a}, the way you helped my sister {b}?",
    ),
    "settled": (
        "last month you helped me {b}, which went well. Now I need to {a}.", "thanks for helping me {b} {when}. Today I want to {a}.",
        "{bf}, but that is sorted. I want to {a}.", "{bf}. I can live with that, what I need is to {a}.",
        "I need to {a}. You already helped me {b} {when}, so that part is done.", "I want to {a}. {bf}, but I will deal with that myself.",
        "please help me {a}. It is true that {bf}, but never mind that.", "how do I {a}? I have managed to {b} by myself.",
    ),
    "situation": (
        "{af}. Please do not tell me again how to {b}.", "{af}. I do not want to {b}, so what now?", "I could {b}, but {af}, so look at that first.",
        "I did not write in order to {b}. {af}.", "your colleague talked about {bg}. My problem is another one: {af}.",
        "{bf}, but that is not why I write: {af}.", "{af}. That {bf} is something I can live with.", "I had just managed to {b} when I saw that {af}.",
    ),
    "chain": (
        "first I wanted to {b}, then to {c}, and in the end I decided to {a}.", "I was told to {b}, then to {c}, but I only want to {a}.",
        "I want to {a}. Not to {b} and not to {c}, just that.", "I do not want to {b}, I want to {a}, so do not make me {c}.",
        "I wanted to {a}, then thought about {bg}, but I am back to my first plan.", "I said that I wanted to {b} and later to {a}, and the later one holds.",
        "I asked to {a} on Monday and to {b} on Tuesday. Please go by the first message.", "I am torn no more: of {bg} and {ag} it is the second that I want.",
        "you offered to help me {a} or {b}, and I take the first.", "I asked to {b} on Monday and to {a} on Tuesday. Please go by the second message.",
        "I wanted to {b}, then thought about {ag}, and that is what I want.", "of {ag} and {bg} it is the first that I want.",
    ),
}  # fmt: skip

# Two wants at once: which of them a reader writes down is a matter of taste.
BOTH: tuple[str, ...] = (
    "I need to {a} and I also want to {b}.", "can you help me {a} and {b}?", "I want to {a}, or else {b}, whichever is faster.",
    "I would like to {a}, and while you are at it, {b}.", "{af}, and {bf} too.",
)  # fmt: skip

GREETINGS = (
    "Hi,",
    "Hello,",
    "Hi there,",
    "Good morning,",
    "Good evening,",
    "Dear team,",
    "Hey,",
    "Hello everyone,",
    "Hi again,",
)
CONTEXT = (
    "my order number is {no}.", "I have been a customer for years.", "this is the second time I write.", "I bought the {item} {when}.",
    "I am in a bit of a hurry.", "the {item} was meant as a present.", "I looked through your help pages without luck.", "I ordered from {city}.",
    "it was a {item} for {amount}.", "I have tried the phone line twice.", "I am writing from my phone.", "it is for a birthday on {day}.",
    "the {item} is for my mother.", "I never had any trouble with you before.", "I spent half of {day} on this.",
)  # fmt: skip
CLOSINGS = (
    "Thanks!", "Thank you.", "Please let me know.", "Can you help?", "Thanks in advance, {name}", "Best, {name}", "Regards, {name}",
    "I hope that you can sort this out.", "What should I do?", "Please answer soon.", "Many thanks, {name}", "Looking forward to your reply.",
)  # fmt: skip

SLOTS: dict[str, tuple[str, ...]] = {
    "device": ("desk lamp", "kettle", "toaster", "speaker", "keyboard", "hair dryer", "monitor", "blender", "coffee machine", "phone",
               "router", "fan", "tablet", "drill", "vacuum cleaner"),
    "wear": ("jacket", "sweater", "winter coat", "dress", "shirt", "raincoat", "hat", "hoodie", "skirt", "belt", "suit", "scarf"),
    "home": ("bookshelf", "rug", "office chair", "mirror", "suitcase", "backpack", "tent", "bicycle helmet", "coffee table", "pan",
             "mattress", "picture frame", "garden chair", "wallet", "teapot"),
    "color": ("black", "white", "dark green", "navy blue", "red", "grey", "light brown"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "when": ("yesterday", "last week", "two weeks ago", "on the weekend", "a month ago", "this morning", "the other day", "in March"),
    "n": ("six", "eight", "nine", "ten", "twelve", "fifteen"),
    "city": ("Leeds", "Dublin", "Boston", "Toronto", "Glasgow", "Denver", "Bristol", "Cardiff"),
    "name": ("Anna", "Marek", "Joy", "Tom", "Priya", "Luis", "Mina", "Greta", "Omar", "Sam", "Wei", "Ines"),
}  # fmt: skip

# Which labels a hurried reader confuses: label noise goes there.
MISTAKEN: dict[str, tuple[str, ...]] = {
    "track order": ("change order", "refund"), "change order": ("track order", "cancel order"), "cancel order": ("change order", "refund"),
    "return item": ("refund", "damaged item"), "refund": ("return item", "billing"), "damaged item": ("return item", "refund"),
    "billing": ("refund", "account access"), "account access": ("billing", "track order"),
}  # fmt: skip

GERUNDS = {
    "be": "being", "get": "getting", "stop": "stopping", "swap": "swapping", "drop": "dropping", "log": "logging", "ship": "shipping",
    "see": "seeing", "know": "knowing", "hear": "hearing", "pay": "paying", "show": "showing", "reset": "resetting", "undo": "undoing",
}  # fmt: skip

CONTRACTIONS = (
    ("I would", "I'd"), ("I am", "I'm"), ("I have", "I've"), ("do not", "don't"), ("does not", "doesn't"), ("did not", "didn't"),
    ("cannot", "can't"), ("it is", "it's"), ("that is", "that's"), ("has not", "hasn't"), ("will not", "won't"), ("what is", "what's"),
)  # fmt: skip
CHAT = (
    ("please", "pls"),
    ("because", "cos"),
    ("thanks", "thx"),
    ("you", "u"),
    ("your", "ur"),
    ("want to", "wanna"),
    ("going to", "gonna"),
)
