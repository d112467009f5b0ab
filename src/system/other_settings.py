"""What stands in ``.env`` and is no setting of the product itself. No library is needed for it."""

_SERVICES = ("BACKUP", "OBJECTS", "OLLAMA", "POSTGRES", "VOXPERSONA")
OF_COMPOSE: dict[str, str] = {
    "ALERTMANAGER_CONFIG": ".+",
    "COMPOSE_FILE": ".+",
    "GRAFANA_PORT": "[1-9][0-9]{0,4}",
    "MINIO_IMAGE": r"\S+",
    "OLLAMA_CONTEXT_LENGTH": "[1-9][0-9]*",
    "SHARED_ADDRESS": r"[\w.:-]+",
    "WEBHOOK_DOMAIN": r"[\w.-]+",
    "WORKERS": "[0-9]{1,3}",
    **dict.fromkeys((f"{each}_MEMORY" for each in _SERVICES), "(?i)[1-9][0-9]*([.][0-9]+)?[bkmg]b?"),
    "VOXPERSONA_COMMIT": r"\S*",
    "VOXPERSONA_IMAGE": r"\S+",
    "VOXPERSONA_TARGET": "full|lite",
}
"""Variables of ``.env`` that Compose reads, and the product does not, with what a value must match."""
OF_DEPLOYS: dict[str, str] = {
    "DEPLOY_BUILD_OPTIONS": ".+",
    "DEPLOY_ERRORS": "[0-9]+",
    "DEPLOY_NEEDED_MB": "[0-9]+",
    "DEPLOY_READY_S": "[1-9][0-9]*",
    "DEPLOY_WATCH_S": "[0-9]+",
}
"""As ``OF_COMPOSE``: those that ``deployment.settings`` reads, by the server's own Python."""
OF_STORAGE = ("AWS_", "AZURE_", "B2_", "GOOGLE_", "OS_", "ST_")
"""How variables begin by which restic reaches places elsewhere."""
