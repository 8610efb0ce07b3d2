"""What the engine's processes read from the environment, once, at start."""

import msgspec

from store import environment


class Settings(msgspec.Struct, frozen=True):
    """Settings of one engine process."""

    database_url: str
    redis_url: str
    secret: bytes
    host: str = "127.0.0.1"
    port: int = 8701
    shards: int = 8
    max_in_flight: int = 2048

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(
            database_url=environment.required("VAUCHFLOW_APP_DATABASE_URL"),
            redis_url=environment.required("VAUCHFLOW_REDIS_URL"),
            secret=environment.secret(),
            host=environment.text("VAUCHFLOW_HOST", "127.0.0.1"),
            port=environment.number("VAUCHFLOW_PORT", 8701, 65_535),
            shards=environment.number("VAUCHFLOW_SHARDS", 8, environment.MOST_SHARDS),
            max_in_flight=environment.number("VAUCHFLOW_MAX_IN_FLIGHT", 2048, 100_000),
        )
