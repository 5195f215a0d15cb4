"""Headers that keep a browser from doing more with an answer than it should."""

ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
"""Headers of every answer; a page that has scripts or styles adds a policy of its own."""
STRICT = [
    *ALWAYS,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
"""Headers of what is not to be shown as a page, such as JSON."""
