"""Before a run: a model's card and sizes, row lengths and labels, minutes and memory."""
