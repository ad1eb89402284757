"""The one door to the Hugging Face Hub: search, look, download, publish. The only import of `huggingface_hub`.

    Hub(settings, token).model("distilbert/distilbert-base-uncased-finetuned-sst-2-english")

What goes wrong comes out as a HubError with a sentence. A model or data set is downloaded only after the Hub itself said, to
this person's token, that it exists for them; then from one commit, from a list of harmless kinds of files, into a folder of
this person's own.
"""

from __future__ import annotations

from compressor.hub.calls import Patience
from compressor.hub.client import Hub
from compressor.hub.layout import MODEL_FILES, weight_files
from compressor.hub.values import Account, Found, HubDataset, HubModel, LocalModel, is_id, parse_reference

__all__ = ["MODEL_FILES", "Account", "Found", "Hub", "HubDataset", "HubModel", "LocalModel", "Patience", "is_id",
           "parse_reference", "weight_files"]  # fmt: skip
