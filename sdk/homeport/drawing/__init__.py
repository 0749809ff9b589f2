"""Pictures of graph flows, drawn without a system package."""

from homeport.drawing.picture import Picture, picture_of

__all__ = ["Picture", "picture_of"]
