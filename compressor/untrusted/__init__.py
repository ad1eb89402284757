"""What strangers wrote (YAML and JSON, names of files, sizes), under bounds: plain data or a sentence."""
