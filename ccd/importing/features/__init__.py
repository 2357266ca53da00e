"""Features of items from files in many layouts or from encoders, aligned to the items by id."""

from ccd.importing.features.options import FeaturePolicy, FeatureSource, parse_feature_option
from ccd.importing.features.writing import FeatureReport, featured, write_features

__all__ = [
    "FeaturePolicy",
    "FeatureReport",
    "FeatureSource",
    "featured",
    "parse_feature_option",
    "write_features",
]
