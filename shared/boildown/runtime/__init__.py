"""Models on devices: what the hardware can do, loading, the cache of the process, and fast forwards."""
