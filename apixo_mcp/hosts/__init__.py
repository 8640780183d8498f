"""The programs that start this server: where each keeps its configuration, and how that is edited without loss."""
