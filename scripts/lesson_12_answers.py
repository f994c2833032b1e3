"""The letters of the lesson "Is it better?", and the replies that people wrote for three prompts.

Each letter has the team that should answer it, and the team that each of the three prompts gets as a reply.
"""

from __future__ import annotations

TEAMS = {"B": "billing", "S": "shipping", "R": "returns"}
LETTERS = (
    ("I was charged twice for one teapot.", "B", "BBB"),
    ("Where is my parcel? It was due on Monday.", "S", "SSS"),
    ("The cups are the wrong colour. Can I swap them?", "R", "RRR"),
    ("Please send the invoice to my office.", "B", "SSB"),
    ("The van came while I was out. When does it come again?", "S", "SSS"),
    ("The lid is broken. I want my money back.", "R", "BBR"),
    ("Your invoice shows the wrong address for my parcel.", "B", "SBB"),
    ("My card was declined, and now you ask for a fee.", "B", "BBB"),
    ("The parcel says delivered, but nothing is here.", "S", "SSS"),
    ("I would like a smaller size instead.", "R", "RRR"),
    ("Can you deliver to a neighbour?", "S", "SSS"),
    ("I sent the vase back in May and was never paid.", "R", "BRR"),
    ("Why did the price change after I ordered?", "B", "BBB"),
    ("The box arrived open, but all is well inside. Who was the carrier?", "S", "RSS"),
    ("How do I send a present back without the receipt?", "R", "RSR"),
    ("You charged me for express, and it took a week.", "B", "SBB"),
    ("I moved house. Can the parcel still find me?", "S", "SSS"),
    ("The refund is four euros short.", "B", "RRB"),
    ("Which label goes on a parcel that I return?", "R", "SRR"),
    ("Do you ship to Norway?", "S", "SSS"),
    ("I paid by bank transfer. Has it arrived?", "B", "BSB"),
    ("The teapot leaks. A new one, please.", "R", "RRR"),
    ("Customs ask me for the bill of my parcel.", "B", "BBS"),
    ("Two plates arrived instead of three. Send the third.", "S", "RRS"),
)
QUESTION = "Which team should answer this letter: billing, shipping or returns?"
PROMPTS = (
    f"{QUESTION}\n\n{{{{letter}}}}",
    f"{QUESTION} Answer with one word.\n\n{{{{letter}}}}",
    "Which team should answer this letter? billing: prices, payments and invoices, also of a parcel. shipping: where a "
    "parcel is, and what is missing from it. returns: something goes back or is replaced. Answer with one word.\n\n"
    "{{letter}}",
)
ANSWERS = tuple(
    (prompt.replace("{{letter}}", letter), TEAMS[code] if number else f"This letter is for {TEAMS[code]}.")
    for letter, _, codes in LETTERS
    for number, (prompt, code) in enumerate(zip(PROMPTS, codes, strict=True))
)
