"""The HTTP edge: what is refused before anything is looked up, who is asking, and how answers go out."""
