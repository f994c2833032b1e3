from __future__ import annotations

from claude_nb.prompting.text import PromptText
from claude_nb.types.content import Attachment

PICTURE = Attachment("a.png", "image/png", "0" * 64, 0, at=2)


def test_joined_pieces_keep_their_attachments_behind_the_same_words() -> None:
    joined = PromptText("Look:") + PromptText("ab", (PICTURE,), ("attached a.png",)) + " and say"

    assert joined.text == "Look:ab and say"
    assert [joined.text[: one.at] for one in joined.attachments] == ["Look:ab"]
    assert joined.notices == ("attached a.png",)
