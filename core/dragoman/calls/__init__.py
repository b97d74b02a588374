"""What surrounds every call: limiter, retry, error binding, observers, paging, bulk writes. Adapters do none of it."""
