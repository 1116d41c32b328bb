"""The existing package's own settings, which nothing may replace."""

from functools import lru_cache


class Settings:
    """Settings of the whole package."""

    paper = "platinum rag"


@lru_cache
def get_settings() -> Settings:
    """Return the settings of the process."""
    return Settings()
