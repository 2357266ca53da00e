"""Where public data sets are at home: addresses, checksums, and the command that imports them."""

from __future__ import annotations

from dataclasses import dataclass

from ccd.errors import ConfigError
from ccd.suggestions import did_you_mean

_GROUPLENS = "https://files.grouplens.org/datasets"
_AMAZON = "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023"
_TOOLBOX = "the MMRec toolbox's README, https://github.com/enoche/MMRec (a shared drive)"
_AMAZON_CATEGORIES = (
    "All_Beauty", "Amazon_Fashion", "Appliances", "Arts_Crafts_and_Sewing", "Automotive",
    "Baby_Products", "Beauty_and_Personal_Care", "Books", "CDs_and_Vinyl",
    "Cell_Phones_and_Accessories", "Clothing_Shoes_and_Jewelry", "Digital_Music", "Electronics",
    "Gift_Cards", "Grocery_and_Gourmet_Food", "Handmade_Products", "Health_and_Household",
    "Health_and_Personal_Care", "Home_and_Kitchen", "Industrial_and_Scientific", "Kindle_Store",
    "Magazine_Subscriptions", "Movies_and_TV", "Musical_Instruments", "Office_Products",
    "Patio_Lawn_and_Garden", "Pet_Supplies", "Software", "Sports_and_Outdoors",
    "Subscription_Boxes", "Tools_and_Home_Improvement", "Toys_and_Games", "Video_Games",
)  # fmt: skip
AMAZON_PREFIX = "amazon2023-"


@dataclass(frozen=True)
class HomeFile:
    """One file of a data set.

    Attributes:
        name: What it is called here.
        url: Where it is; empty where nobody offers it for plain download.
        digest: ``sha256:...`` or ``md5:...``; empty where none is known.
    """

    name: str
    url: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Home:
    """A public data set.

    Attributes:
        name: What ``ccd data get`` calls it.
        files: Its files.
        terms: Who published it, and on what terms.
        by_hand: Where to get what has no address; empty where all has one.
        use: What to type next; ``DIR`` stands for the folder it was put into.
    """

    name: str
    files: tuple[HomeFile, ...]
    terms: str
    by_hand: str = ""
    use: str = ""


def _grouplens(name: str, path: str, digest: str, use: str) -> Home:
    url = f"{_GROUPLENS}/{path}"
    terms = "GroupLens; for research, not to be passed on (README in the archive)"
    return Home(name, (HomeFile(path.split("/")[-1], url, digest),), terms, use=use)


def _toolbox(name: str, digest: str) -> Home:
    files = (
        HomeFile(f"{name}.inter", digest=digest),
        HomeFile("image_feat.npy"),
        HomeFile("text_feat.npy"),
    )
    terms = "Amazon reviews of 2014, prepared by the authors of the MMRec toolbox"
    return Home(name, files, terms, _TOOLBOX, f"ccd data check {name}")


_HOMES = (
    _toolbox("baby", "sha256:ce0487b0297044e52eb697c01e49f2e3b121fa3aa77580898f6705efdabae911"),
    _toolbox("sports", "sha256:3c689f77d52e852c117f602d91539e78e9e1c678d1f9ee5bfd6342de31181f4d"),
    _toolbox("clothing", ""),
    Home(
        "tiktok",
        (HomeFile("tiktok.inter"), HomeFile("image_feat.npy"), HomeFile("audio_feat.npy")),
        "short videos, prepared by the authors of DiffMM",
        "the DiffMM code, https://github.com/HKUDS/DiffMM (docs/data.md says how to write the "
        "interactions)",
        "ccd data check tiktok",
    ),
    _grouplens(
        "lastfm",
        "hetrec2011/hetrec2011-lastfm-2k.zip",
        "sha256:6738f48195667ff03caaab4d32ca9a3133d8cc026b7c3cdaf6ce1010e913c59c",
        "ccd data import DIR/user_artists.dat --items DIR/artists.dat --item-id id "
        "--user-core 5 --item-core 5 --out data/lastfm-2k",
    ),
    _grouplens(
        "ml-100k",
        "movielens/ml-100k.zip",
        "md5:0e33842e24a9c977be4e0107933c0723",
        "ccd data import DIR/ml-100k/u.data --items DIR/ml-100k/u.item --value-at-least 4 "
        "--user-core 5 --item-core 5 --out data/movielens-100k",
    ),
    *(
        _grouplens(
            name,
            f"movielens/{name}.zip",
            digest,
            f"ccd data import DIR/{name} --value-at-least 4 --user-core 5 --item-core 5 "
            f"--out data/movielens-{name[3:]}",
        )
        for name, digest in (
            ("ml-1m", "sha256:a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"),
            ("ml-20m", "sha256:96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3"),
            ("ml-25m", "md5:6b51fb2759a8657d3bfcbfc42b592ada"),
        )
    ),
)


def home_names() -> list[str]:
    """All names that ``find_home`` knows."""
    return [home.name for home in _HOMES] + [AMAZON_PREFIX + c for c in _AMAZON_CATEGORIES]


def find_home(name: str) -> Home:
    """The home of a data set.

    Raises:
        ConfigError: It is not known; the message names the nearest.
    """
    for home in _HOMES:
        if home.name == name:
            return home
    category = name.removeprefix(AMAZON_PREFIX)
    if category != name and category in _AMAZON_CATEGORIES:
        return _amazon(category)
    raise ConfigError(
        f"no home of a data set '{name}' is known",
        keys=("NAME",),
        hint=did_you_mean(name, [*home_names()[:9], f"{AMAZON_PREFIX}CATEGORY"], list_all=True),
    )


def _amazon(category: str) -> Home:
    ratings = f"{category}.csv.gz"
    items = f"meta_{category}.jsonl.gz"
    return Home(
        AMAZON_PREFIX + category,
        (
            HomeFile(ratings, f"{_AMAZON}/benchmark/5core/rating_only/{ratings}"),
            HomeFile(items, f"{_AMAZON}/raw/meta_categories/{items}"),
        ),
        "McAuley Lab, UC San Diego; Hou et al. 2024, for research",
        use=f"ccd data import DIR/{ratings} --items DIR/{items} --user-core 5 --item-core 5 "
        f"--out data/{category}",
    )
