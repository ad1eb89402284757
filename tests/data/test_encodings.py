"""Rival encodings are weighed by the letters that they give: no text is read with another language's letters."""

import pytest

from compressor.data.encodings import TITLES, of_bytes
from tests.data.files import run

TEXTS = {
    ("Turkish", "cp1254"): (
        "Oda çok küçük ve kirliydi, çarşaf değişmemişti|Kahvaltı çok güzeldi, teşekkür ederiz|"
        "Sokak gürültülüydü"
    ),
    ("Czech", "cp1250"): "Pokoj byl příšerně malý a špinavý|Snídaně byla výborná, děkujeme|Velmi příjemný hotel, těšíme se",
    ("Hungarian", "cp1250"): "A reggeli kitűnő volt, köszönjük|Zajos utca, nem tudtunk aludni, túl fűtött|Őszintén ajánlom",
    ("Polish", "cp1250"): "Pokój był mały i brudny, nigdy więcej|Śniadanie było pyszne, dziękujemy|Głośna ulica, źle spaliśmy",
    ("Romanian", "cp1250"): "Camera era foarte mică şi murdară|Micul dejun a fost excelent, mulţumim|Îl recomand tuturor, plăcut",
    ("Croatian", "cp1250"): (
        "Soba je bila vrlo prljava, nikad više|Doručak je bio odličan, hvala osoblju|"
        "Bučna ulica, loše smo spavali, đak"
    ),
    ("Slovak", "cp1250"): (
        "Izba bola veľmi malá a špinavá, už nikdy|Raňajky boli výborné, ďakujeme|"
        "Príjemný hotel, tešíme sa nabudúce"
    ),
    ("Lithuanian", "cp1257"): (
        "Kambarys buvo labai mažas ir nešvarus|Pusryčiai buvo puikūs, ačiū darbuotojams|"
        "Triukšminga gatvė, kąsnis"
    ),
    ("Latvian", "cp1257"): (
        "Istaba bija ļoti maza un netīra|Brokastis bija lieliskas, paldies|"
        "Trokšņaina iela, slikti gulējām, ķēdes"
    ),
    ("French", "cp1252"): (
        "La chambre était très petite|Le petit déjeuner était excellent, merci à l’équipe|"
        "Hôtel agréable, ça suffit"
    ),
    ("German", "cp1252"): "Das Frühstück war großartig|Wir würden wiederkommen, sehr schön|Laute Straße, schlecht geschlafen",
    ("Spanish", "cp1252"): "La habitación era pequeña y sucia|¡El desayuno fue excelente!|Volveremos mañana, qué rápido",
    ("Portuguese", "cp1252"): (
        "O café da manhã foi ótimo, obrigado à equipe|Hotel muito agradável, recomendação|"
        "Não voltamos, três noites"
    ),
    ("Swedish", "cp1252"): "Rummet var väldigt litet|Frukosten var utmärkt, tack så mycket|Bullrig gata, vi sov dåligt, öl",
    ("Danish", "cp1252"): (
        "Værelset var lille og beskidt, aldrig mere|Morgenmaden var fremragende, på gensyn|"
        "Støjende gade, køb ikke"
    ),
    ("Icelandic", "cp1252"): (
        "Herbergið var mjög lítið og óhreint|Morgunmaturinn var frábær, þökkum fyrir|"
        "Hávær gata, við sváfum illa, æ"
    ),
    ("English", "cp1252"): "The staff didn’t care – never again|Breakfast at the café was “fine”…|Noisy street",
    ("Russian", "cp1251"): (
        "Номер был очень маленький и грязный|Завтрак был отличный, спасибо персоналу|"
        "Шумная улица, плохо спали"
    ),
    ("Greek", "cp1253"): "Το δωμάτιο ήταν πολύ μικρό και βρώμικο|Το πρωινό ήταν εξαιρετικό, ευχαριστούμε|Πολύ ευχάριστο",
    ("Arabic", "cp1256"): "الغرفة كانت صغيرة جدا وقذرة|الفطور كان ممتازا شكرا للعاملين|فندق جميل جدا أنصح به",
    ("Japanese", "cp932"): "部屋はとても小さくて汚かったです|朝食は素晴らしかった、ありがとうございます|とても快適なホテルでした",
    ("Korean", "cp949"): "방이 너무 작고 더러웠어요|아침 식사는 훌륭했습니다 감사합니다|아주 좋은 호텔이었습니다 또 오겠습니다",
}  # fmt: skip


@pytest.mark.parametrize(("language", "encoding"), TEXTS)
@pytest.mark.parametrize("times", [3, 400])
def test_a_file_of_a_language_has_its_letters(tmp_path, language, encoding, times):
    lines = TEXTS[language, encoding].split("|")
    path = tmp_path / "a.csv"
    content = "text,label\n" + "".join(f'"{line} {i}",{i % 2}\n' for i in range(times) for line in lines)
    path.write_bytes(content.encode(encoding))
    found = run(path, names=["no", "yes"], limit=None) if times > 3 else None
    assert content.encode(encoding).decode(of_bytes(path.read_bytes())) == content
    if found is not None:
        read = [*found.train["text"], *found.validation["text"], *found.test["text"]]
        assert len(read) == times * len(lines) and all(any(text.startswith(line) for line in lines) for text in read)
        assert any("is not UTF-8; it was read as" in note for note in found.notes)


def test_texts_of_several_western_languages_are_western():
    text = "\n".join(TEXTS[language, "cp1252"] for language in ("French", "German", "Spanish", "Swedish")) * 9
    assert of_bytes(text.encode("cp1252")) == "cp1252"


@pytest.mark.parametrize(
    "text",
    [
        "Artículo 1º. La habitación de la calle nº 5, 2º piso, 3ª puerta, es pequeña. ¿Dónde está mañana?",
        "Il film è del 1º anno, la 2ª volta è più bella, perché sarà così",
        "Lei nº 8.666, Art. 1º, decisão da 2ª Turma, não há recurso, é a opção",
        "Ripe Grüner Veltliner|An Albariño from Rías Baixas|Côtes du Rhône blend|From São João, crème brûlée|Gewürztraminer",
        "Özil scored twice|Suárez was booked|Ødegaard played well|João Félix came on|Müller and Agüero|Mbappé at the café",
    ],
)
def test_ordinals_and_names_of_all_countries_are_western(text):
    content = "text,label\n" + "".join(f'"{line}",1\n' for line in text.split("|")) * 20
    assert of_bytes(content.encode("cp1252")) == "cp1252"


@pytest.mark.parametrize(("language", "encoding"), [("Polish", "cp1250"), ("Russian", "cp1251"), ("Turkish", "cp1254")])
def test_letters_that_come_late_are_weighed(tmp_path, language, encoding):
    late = TEXTS[language, encoding].split("|") * 60
    lines = [f"A plain English line, number {i}, sixty letters of it at least" for i in range(4000)] + late
    content = "text\n" + "\n".join(lines)
    assert of_bytes(content.encode(encoding)) == encoding


def test_letters_of_no_language_are_not_guessed():
    assert (
        of_bytes(
            bytes(range(0x80, 0x100)) * 3
            + b"and plain letters around them, many more of these than of the others " * 40
        )
        == ()
    )


def test_each_has_a_name():
    assert {encoding for _, encoding in TEXTS} <= set(TITLES)
