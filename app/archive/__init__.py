"""What is handed over: the document, the report, the manifest and the ZIP around them."""
