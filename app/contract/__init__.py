"""The contract, to be read: its OpenAPI document, the page that renders it, and what each problem means."""
