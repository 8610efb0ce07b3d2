"""What the reconciler reads from the environment, once, at start."""

import msgspec

from store import environment


class Settings(msgspec.Struct, frozen=True):
    """Settings of one reconciler."""

    database_url: str
    redis_url: str
    host: str = "127.0.0.1"
    port: int = 8705
    shards: int = 8
    trust_aof: bool = True

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(
            database_url=environment.required("VAUCHFLOW_RECONCILER_DATABASE_URL"),
            redis_url=environment.required("VAUCHFLOW_REDIS_URL"),
            host=environment.text("VAUCHFLOW_HOST", "127.0.0.1"),
            port=environment.number("VAUCHFLOW_PORT", 8705, 65_535),
            shards=environment.number("VAUCHFLOW_SHARDS", 8, environment.MOST_SHARDS),
            trust_aof=environment.flag("VAUCHFLOW_TRUST_AOF", "1"),
        )
