"""Settings, read from VITRINE_* variables or a `.env` file: the only reader of the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from registry import fetch_child


class Settings(BaseSettings):
    """All knobs of a Vitrine server."""

    model_config = SettingsConfigDict(
        env_prefix="VITRINE_", env_file=".env", extra="ignore", frozen=True
    )

    home: Path = Field(Path("vitrine-data"), description="Folder for everything that is kept.")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the home folder.")
    store_url: str = Field("", description="Where artifacts live; empty: a folder in home.")
    secret_key: str = Field(
        "", description="Signs links and the audit chain; empty: a file in home."
    )
    registration: Literal["open", "invite", "closed"] = Field(
        "open", description="Who may create an account."
    )
    default_role: Literal["viewer", "author"] = Field("author", description="Role of new accounts.")
    setup_code: str = Field("", description="Code the first admin must type; empty: made at start.")
    session_idle_h: float = Field(
        24 * 7, gt=0, description="Hours without a visit that end a session."
    )
    session_max_h: float = Field(
        24 * 30, gt=0, description="Hours after which a session ends anyway."
    )
    max_upload_mb: int = Field(500, gt=0, description="Largest file accepted, in MiB.")
    uploads_per_hour: int = Field(120, gt=0, description="Files one person may upload in an hour.")
    quota_mb: int = Field(
        0,
        ge=0,
        description="MiB one person may keep, unless they have their own quota; 0: any.",
    )
    quota_models: int = Field(
        0, ge=0, description="Models one person may own, unless they have their own quota; 0: any."
    )
    min_free_disk_mb: int = Field(
        500, ge=0, description="Free disk, in MiB, below which uploads stop."
    )
    import_folder: str = Field(
        "", description="Folder whose files may be imported by who may upload; empty: none."
    )
    import_s3_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#@\s]+(/[^?#\s]*)?)?$",
        description="S3 bucket whose objects may be imported by who may upload, "
        "as `https://host/bucket` or `https://bucket.host`; empty: none. Needs "
        "`requirements-s3.txt`.",
    )
    import_s3_prefix: str = Field(
        "",
        pattern=r"^([^/]+/)*[^/]*$",
        description="Only keys that begin with this, such as `models/`, can be imported.",
    )
    import_s3_region: str = Field("us-east-1", description="Region that requests are signed for.")
    import_s3_key: str = Field(
        "", description="Access key of the bucket; empty: what the machine's role or `AWS_*` gives."
    )
    import_s3_secret: str = Field("", description="Secret of the access key.")
    staged_h: float = Field(24, gt=0, description="Hours an unpublished upload is kept.")
    trash_days: float = Field(30, ge=0, description="Days a trashed thing can be restored.")
    link_expiry_s: int = Field(3600, gt=0, description="Seconds a signed download link works.")
    workers: int = Field(5, ge=1, description="Loaded models kept warm, shared by all visitors.")
    standby_workers: bool = Field(
        True, description="Keep a warmed worker per framework waiting for the next model."
    )
    worker_memory_mb: int = Field(2048, ge=256, description="Memory one worker may take, in MiB.")
    worker_cpu_s: int = Field(600, gt=0, description="CPU seconds one worker may use in its life.")
    worker_threads: int = Field(1, ge=1, description="Computing threads per worker.")
    inspect_timeout_s: float = Field(60, gt=0, description="Seconds an inspection may take.")
    load_timeout_s: float = Field(60, gt=0, description="Seconds loading a model may take.")
    convert_timeout_s: float = Field(300, gt=0, description="Seconds a conversion may take.")
    benchmark_timeout_s: float = Field(300, gt=0, description="Seconds a benchmark may take.")
    benchmark_uploads: bool = Field(
        True, description="Measure every new version as soon as it is ready, not only on request."
    )
    dataset_rows: int = Field(2_000_000, gt=0, description="Labelled rows one data set may have.")
    scoring_rows: int = Field(5_000_000, gt=0, description="Rows one file to score may have.")
    scored_h: float = Field(24, gt=0, description="Hours a scored file can be fetched.")
    train_rows: int = Field(200_000, gt=0, description="Rows a baseline may be trained on.")
    train_timeout_s: float = Field(600, gt=0, description="Seconds training a baseline may take.")
    predictions_per_minute: int = Field(
        600,
        gt=0,
        description="Predictions one person may ask for in a minute; so may their tokens.",
    )
    calls_per_minute: int = Field(
        1200,
        gt=0,
        description="Calls of the API in a minute by the tokens of one person.",
    )
    downloads_per_minute: int = Field(
        300, gt=0, description="Downloads (parts of files among them) per person and minute."
    )
    max_request_mb: int = Field(16, gt=0, description="Largest body of a call of the API, in MiB.")
    predict_timeout_s: float = Field(10, gt=0, description="Seconds one prediction may take.")
    allow_weak_sandbox: bool = Field(
        False, description="Run models, and fetch, although this kernel lacks Landlock or seccomp."
    )
    fetch: bool = Field(False, description="Fetch links that people give: source, LICENSE.")
    fetch_allow: str = Field(
        "",
        description="Inner networks that may be asked all the same, "
        "with blanks between: `10.1.0.0/16 127.0.0.1:8080 [::1]:80`.",
    )
    fetch_authorities: str = Field(
        "",
        description="File of certificates (PEM) whose signatures are believed when an address is "
        "asked, besides those of the system.",
    )
    fetch_timeout_s: float = Field(10, gt=0, description="Seconds one address may take to answer.")
    webhooks: bool = Field(False, description="Tell addresses that people give what happened.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level logged."
    )
    log_json: bool = Field(False, description="One JSON object per log line.")

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home.absolute() / 'vitrine.db'}"

    @property
    def jobs_url(self) -> str:
        """Where the job engine keeps its state."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'jobs.db'}"

    @property
    def artifacts_url(self) -> str:
        return self.store_url or f"file://{self.home.absolute() / 'artifacts'}"

    @property
    def staging_folder(self) -> Path:
        return self.home.absolute() / "staging"

    @field_validator("fetch_allow")
    @classmethod
    def _networks(cls, value: str) -> str:
        for entry in value.split():
            fetch_child.parse_entry(entry)
        return value

    @property
    def fetch_networks(self) -> tuple[str, ...]:
        return tuple(self.fetch_allow.split())

    @property
    def uploads_folder(self) -> Path:
        """Where uploads that come in parts grow."""
        return self.home.absolute() / "uploads"

    @property
    def max_request_bytes(self) -> int:
        return self.max_request_mb << 20

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb << 20
