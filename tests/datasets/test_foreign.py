"""Whatever file lies where another kind belongs, it is called by its kind."""

import bz2
import gzip
import io
import lzma
import pickle
import zipfile

import pytest

from ccd.datasets.ids import read_order
from ccd.datasets.interactions import read_interactions
from ccd.datasets.item_names import read_item_names
from ccd.datasets.npy import open_npy
from ccd.errors import DamagedFileError
from tests.datasets.files import write_inter

READERS = {
    "mini.inter": read_interactions,
    "items.txt": read_order,
    "names.tsv": lambda path: read_item_names(path, 6, ()),
    "image.npy": open_npy,
}


def zipped(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mini.inter", data)
    return file.getvalue()


KINDS = {
    "gzip -d": gzip.compress,
    "bzip2 -d": bz2.compress,
    "xz -d": lzma.compress,
    "a zip archive": zipped,
    "a pickle": pickle.dumps,
    "git lfs pull": lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "download it again": lambda data: b"<!DOCTYPE html><p>404" + data,
    "a Parquet file": lambda data: b"PAR1" + data,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("says", KINDS)
def test_another_kind_of_file_is_called_so(tmp_path, name, says):
    plain = write_inter(tmp_path / "plain").read_bytes()
    path = tmp_path / name
    path.write_bytes(KINDS[says](plain))
    with pytest.raises(DamagedFileError) as caught:
        READERS[name](path)
    assert says in str(caught.value)
    assert caught.value.where[0].file == str(path)


def test_ids_that_only_look_like_one_are_ids(tmp_path):
    path = tmp_path / "items.txt"
    path.write_text("PKW\nBZ1\n<b>\nGIF\n")
    assert read_order(path) == ("PKW", "BZ1", "<b>", "GIF")
