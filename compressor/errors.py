"""Everything that can go wrong, as sentences.

`str(error)` is what the person sees, on the page and in the terminal: what is wrong, with which value, what to do next.
Anything else that is raised is a bug of ours, and goes to the job's log with its stack trace.

CompressorError
├── RecipeError                 the recipe asks for something that cannot be
├── DataError                   the data set or file cannot be used as it is
├── ModelError                  the teacher or a variant cannot be used as it is
│   └── CannotCutError          this architecture cannot be made smaller (it can still be quantized)
├── HubError                    the Hub answered no, or did not answer
│   ├── RepoNotFoundError       no such repo, or a private one that this account cannot see
│   ├── GatedRepoError          its owner has to grant access first
│   ├── AccessDeniedError       the token is missing, wrong or read-only
│   ├── HubBusyError            429 or 5xx, after retries
│   └── HubUnreachableError     no network, or the connection broke for good
├── TooOftenError               one person asks for more than their share, for now
├── PublishError                nothing was published
│   ├── RepoExistsError         the name is taken
│   └── BelowFloorError         the variant keeps less than the person asked for
└── RunError                    a run could not start or go on
    ├── RunLockedError          another process owns the folder
    ├── RunMismatchError        the folder holds a run of another recipe
    ├── RunCancelledError       the person (or the machine) stopped it
    ├── OutOfMemoryError        the host's or the device's memory ran out
    │   └── AgainError          a fresh process goes on with a smaller batch
    └── DiskFullError           no space left on the device
"""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 1000
"""Characters of one sentence. Values that strangers chose stand in them, and those may have any length."""
LONGEST_LIST = 2000


class CompressorError(Exception):
    """The root: `str(error)` is one or more sentences for the person who has to act on them."""

    def __str__(self) -> str:
        return readable(super().__str__(), LONGEST_LIST)


class ProblemsError(CompressorError):
    """Several problems of one form, reported at once. `problems` holds one sentence each, as many as a person can read."""

    def __init__(self, problems: str | Iterable[str]):
        found = [problems] if isinstance(problems, str) else list(problems)
        self.problems: list[str] = []
        room = LONGEST_LIST - 100
        for sentence in (readable(s) for s in found):
            if self.problems and len(sentence) >= room:
                self.problems.append("There are more problems, which show when these are solved.")
                break
            self.problems.append(sentence)
            room -= len(sentence) + 1
        super().__init__("\n".join(self.problems))


def readable(sentence: str, longest: int = LONGEST) -> str:
    """A sentence that can be sent and shown whatever value stands in it: cut in the middle, so that what to do next stays,
    and without NUL and halves of characters."""
    if len(sentence) > longest:
        sentence = f"{sentence[: longest * 2 // 3]} … {sentence[-(longest // 4) :]}"
    return sentence.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


class RecipeError(ProblemsError): ...


class DataError(ProblemsError): ...


class ModelError(CompressorError): ...


class CannotCutError(ModelError): ...


class HubError(CompressorError): ...


class RepoNotFoundError(HubError): ...


class GatedRepoError(HubError): ...


class AccessDeniedError(HubError): ...


class HubBusyError(HubError): ...


class HubUnreachableError(HubError): ...


class TooOftenError(CompressorError): ...


class PublishError(CompressorError): ...


class RepoExistsError(PublishError): ...


class BelowFloorError(PublishError): ...


class RunError(CompressorError): ...


class RunLockedError(RunError): ...


class RunMismatchError(RunError): ...


class RunCancelledError(RunError): ...


class OutOfMemoryError(RunError): ...


class AgainError(OutOfMemoryError): ...


class DiskFullError(RunError): ...
