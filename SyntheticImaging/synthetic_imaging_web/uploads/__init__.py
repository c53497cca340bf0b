"""What users send: checked before anything reads it. No web server here: bytes come in, a clean folder comes out."""
