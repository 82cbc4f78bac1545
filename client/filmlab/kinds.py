"""Of which kind is a file, by what its name ends in? What filmlab takes in, makes, shows and serves.

`kinds.js` of the page knows of what is shown: what changes here changes there, and a test compares the two.
"""

MIMES = {
    ".gif": "image/gif", ".webp": "image/webp", ".mp4": "video/mp4", ".png": "image/png", ".jpg": "image/jpeg",
    ".svg": "image/svg+xml", ".json": "application/json", ".csv": "text/csv", ".txt": "text/plain",
    ".md": "text/markdown", ".html": "text/html",
}  # fmt: skip
MOVING = (".gif", ".webp")
"""Pictures that move; players show them with nothing but an image."""
FILM = ".mp4"
CLIPS = (*MOVING, FILM)
"""What a clip can end in; of several the first is shown."""
STILLS = (".png", ".jpg")
PICTURES = (*CLIPS, *STILLS, ".svg")
TEXTS = (".txt", ".md")
"""What can be read as it is."""
