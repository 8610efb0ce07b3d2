"""What the control plane reads from the environment, once, at start."""

import msgspec

from store import environment


class Settings(msgspec.Struct, frozen=True):
    """Settings of one control plane process."""

    database_url: str
    redis_url: str
    secret: bytes
    host: str = "127.0.0.1"
    port: int = 8702
    receipts_key: bytes | None = None

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(
            database_url=environment.required("VAUCHFLOW_APP_DATABASE_URL"),
            redis_url=environment.required("VAUCHFLOW_REDIS_URL"),
            secret=environment.secret(),
            host=environment.text("VAUCHFLOW_HOST", "127.0.0.1"),
            port=environment.number("VAUCHFLOW_PORT", 8702, 65_535),
            receipts_key=environment.receipts_key(),
        )
