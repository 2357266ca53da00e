"""Full-ranking evaluation and its metrics."""

from ccd.evaluation import metrics, ranking

__all__ = ["metrics", "ranking"]
