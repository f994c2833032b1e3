"""Prices of tokens: by kind, by length of the prompt, and by how long a cache keeps them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from claude_nb.types.request import Usage

MILLION = 1_000_000
BATCH_FACTOR = 0.5  # of every price, at Anthropic and AI/ML API


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens.

    cache_write     for a cache that lasts five minutes; cache_write_1h: for one that lasts an hour
    searches        US dollars per 1,000 searches of the web; None: unknown
    above, then     for a prompt of more than *above* tokens, *then* is the price of all tokens
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    above: int | None = None
    then: Price | None = None
    searches: float | None = None

    def cost_usd(self, usage: Usage) -> float | None:
        """Return the price of these tokens and searches in dollars; None if a count or a price is unknown."""
        if usage.input_tokens is None or usage.output_tokens is None or (usage.web_searches and self.searches is None):
            return None
        price = self._for_prompt_of(usage.input_tokens)
        read, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
        fresh = max(0, usage.input_tokens - read - written)
        cached = read * price._read + price._written(usage)
        searched = (usage.web_searches or 0) * (self.searches or 0) / 1000
        return (fresh * price.input + cached + usage.output_tokens * price.output) / MILLION + searched

    def saved_usd(self, usage: Usage) -> float | None:
        """Return the dollars that the cache saved, less the cost of writing to it.

        Returns None if that is unknown.
        """
        read, written = usage.cache_read_tokens, usage.cache_write_tokens
        if usage.input_tokens is None or (read is None and written is None):
            return None
        price = self._for_prompt_of(usage.input_tokens)
        if price.cache_read is None:
            return None
        plain = ((read or 0) + (written or 0)) * price.input
        return (plain - (read or 0) * price._read - price._written(usage)) / MILLION

    def times(self, factor: float) -> Price:
        """Return the price with every amount multiplied: Price(4, 20).times(2) -> Price(8, 40)."""
        amounts = {
            name: amount * factor
            for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h")
            if (amount := getattr(self, name)) is not None
        }
        return replace(self, **amounts, then=self.then and self.then.times(factor))

    def _for_prompt_of(self, tokens: int) -> Price:
        return self.then if self.then and self.above is not None and tokens > self.above else self

    @property
    def _read(self) -> float:
        return self.input if self.cache_read is None else self.cache_read

    def _written(self, usage: Usage) -> float:
        """Return the price of the tokens written to the cache, times a million."""
        hour = min(usage.cache_write_1h_tokens or 0, usage.cache_write_tokens or 0)
        short = (usage.cache_write_tokens or 0) - hour
        price = self.input if self.cache_write is None else self.cache_write
        hour_price = price if self.cache_write_1h is None else self.cache_write_1h
        return short * price + hour * hour_price
