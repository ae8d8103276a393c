"""Tells other services how exports ended: thin messages, signed, sent again until they are taken."""
