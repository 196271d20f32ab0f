"""Texts that chats have to keep."""

from __future__ import annotations

TEXTS = {
    "accents": "Qual é a capital da França? Ação, coração, às três.",
    "emoji": "Family 👨‍👩‍👧, flag 🏴󠁧󠁢󠁳󠁣󠁴󠁿, skin 👍🏽, heart ❤️",
    "right to left": "ما هي عاصمة فرنسا؟ מהי בירת צרפת؟ (mixed LTR)",
    "east asian": "法国的首都是哪里？フランスの首都は？ 𠮷野家",
    "code": '```python\nif a < b && c > "d":\n\tprint(\'\\n\', f"{x!r}")\n```\n<script>alert(1)</script> &amp; $HOME',
    "white space": "  leading, trailing\t \n\n\ttabs and lines\r\nof two kinds \n ",
    "control": "bell \x07, escape \x1b[31m, separators \u2028 \u2029, zero width \u200b\u200d, bom \ufeff end",
    "decomposed": "Cafe\u0301, Man\u0303ana, \u1112\u1161\u11ab\u1100\u1173\u11af",
    "json": '{"role": "system", "content": "\\u0041 \\\\ \\" null"}',
}
"""NUL is not among them: Open WebUI drops it and keeps the rest."""

PAGES = "Eighty characters a line, as somebody pastes two or three pages of a document. é\n" * 75
"""What a model of a small context still takes: some fifteen hundred tokens."""

LONG_TEXTS = {"long": "Seventy characters of text, so that a hundred kilobytes fill up soon. é" * 1_400}
LONG_TEXTS["very long"] = LONG_TEXTS["long"] * 10
