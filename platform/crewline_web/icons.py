"""The icons, drawn on a 16 px grid with one stroke width."""

from markupsafe import Markup

ICONS = {
    "today": "M2.5 7 8 2.5 13.5 7v6.5h-4v-4h-3v4h-4z",
    "reports": "M2.5 13.5h11M4.5 11V8M8 11V4M11.5 11V6",
    "contacts": "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
    "invoices": "M4 2.5h5.5L12.5 5.5v8H4zM6.5 8h3.5M6.5 10.5h3.5",
    "contract": "M8 2 13 4v4c0 3-2 5-5 6-3-1-5-3-5-6V4z",
    "flag": "M4 14V2.5h8L10 5.5l2 3H4",
    "mail": "M2.5 4h11v8.5h-11zM2.5 4.5 8 9l5.5-4.5",
    "people": "M6 7.5a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6M2 13.5c0-2.5 1.7-4 4-4s4 1.5 4 4"
    "M10.5 3.2a2.2 2.2 0 0 1 0 4.2M11.8 9.8c1.4.5 2.2 1.8 2.2 3.7",
    "tenants": "M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z",
    "floor": "M2.5 10V8a5.5 5.5 0 0 1 11 0v2M2.5 9.5h2v3.5h-2zM11.5 9.5h2V13h-2z",
    "pools": "M8 2.5 14 5.5 8 8.5 2 5.5zM2 8.5l6 3 6-3M2 11.2l6 3 6-3",
    "scripts": "M3 3h4l1 1 1-1h4v9.5H9l-1 1-1-1H3zM8 4v9.5",
    "finance": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M5.5 6h5M5.5 8.5h5M8 5v6.5",
    "settings": "M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4M8 2v2M8 12v2M2 8h2M12 8h2M3.8 3.8l1.4 1.4"
    "M10.8 10.8l1.4 1.4M12.2 3.8l-1.4 1.4M5.2 10.8l-1.4 1.4",
    "down": "M5 6.5 8 9.5l3-3",
    "left": "M9.5 4.5 6 8l3.5 3.5",
    "right": "M6.5 4.5 10 8l-3.5 3.5",
    "search": "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9M10.5 10.5 13.5 13.5",
    "clock": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 4.8V8l2.2 1.6",
    "theme": "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
    "bell": "M4 11V7a4 4 0 0 1 8 0v4l1.2 1.5H2.8zM6.8 14h2.4",
    "link": "M6.5 9.5l3-3M7 5l1.3-1.3a2.6 2.6 0 0 1 3.9 3.7L11 8.8M9 11l-1.3 1.3A2.6 2.6 0 0 1 4 8.6L5 7.2",
    "download": "M8 2.5v7.5M5 7.5l3 3 3-3M3 13.5h10",
    "lock": "M4 7.5h8v6H4zM5.5 7.5v-2a2.5 2.5 0 0 1 5 0v2",
    "language": "M2.5 4h7M6 2.5V4M8 4c-.6 2.8-2.6 4.8-5 6M4.2 6c.8 1.8 2.2 3 4 3.8M8.5 13.5l2.6-6 2.6 6M9.4 11.5h3.4",
    "logout": "M9.5 3h-6v10h6M6.5 8h7M11 5.5 13.5 8 11 10.5",
    "phone": "M5.2 2.8 3 3.5c0 5.2 4.3 9.5 9.5 9.5l.7-2.2-2.8-1.4-1.2 1.2C7.6 9.9 6.1 8.4 5.4 6.8l1.2-1.2z",
    "check": "M3.5 8.5 6.5 11.5 12.5 5",
    "plus": "M8 3.5v9M3.5 8h9",
    "close": "M4 4l8 8M12 4l-8 8",
    "pause": "M5.5 4v8M10.5 4v8",
    "play": "M5 3.5 12 8l-7 4.5z",
    "filter": "M2.5 4h11M4.5 8h7M6.5 12h3",
    "key": "M9.5 6.5a2.8 2.8 0 1 1-1 2.2M8.7 8 3 13.5M5 11.5 6.5 13",
}


def icon(name: str) -> Markup:
    """Decoration beside a word, hidden from assistive technology. KeyError for an unknown name."""
    return Markup(  # noqa: S704 - the path is one of our own constants
        f'<svg class="ic" viewBox="0 0 16 16" aria-hidden="true"><path d="{ICONS[name]}"/></svg>'
    )
