"""The app in a chat: its page, and the tools that it alone calls."""
