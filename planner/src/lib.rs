//! Every decision of hub and agent, as pure functions.
