"""The streamer's parts: what is streamed, where it goes, what alerts lead to."""
