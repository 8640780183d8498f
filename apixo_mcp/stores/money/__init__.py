"""The transactions in which money is decided on."""
