"""The page's modules under Node.js, where they run unchanged."""
