"""What breaks off, dies or is killed on the way, and what is left then; nothing here looks at how long that takes."""
