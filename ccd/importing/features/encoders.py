"""Encoders: texts by sentence-transformers, images by a vision model of transformers.

Both load by name or folder. Images go through transformers, not timm or open_clip: it is there with
sentence-transformers already, and its AutoModel reads CLIP, SigLIP, DINOv2, ViT, Swin and ResNet
with the preprocessing that is stored beside the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ccd.errors import DamagedFileError, ResourceError, reason
from ccd.importing.features.models import find_model, model_version, need

TEXT = "sentence-transformers/all-MiniLM-L6-v2"
"""The paper's encoder of texts, 384-d."""
IMAGE = "google/siglip-base-patch16-224"
"""The default for images, 768-d."""


class TextEncoder:
    """A model of sentence-transformers.

    Args:
        name: As the user wrote it.
        folder: Its files.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
    """

    def __init__(self, name: str, folder: Path, device: str) -> None:
        library = need("sentence_transformers", "encoding texts")
        self.name, self.version = name, model_version(folder, "sentence-transformers")
        with _loading(folder):
            self._model = library.SentenceTransformer(
                str(folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )

    def encode(self, contents: Sequence[str]) -> list[np.ndarray | None]:
        found = self._model.encode(
            list(contents), batch_size=len(contents), show_progress_bar=False
        )
        return [*np.asarray(found, dtype=np.float32)]


class ImageEncoder:
    """A vision model of transformers; of a model of images and texts, the part for images.

    Args:
        name: As the user wrote it.
        folder: Its files.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
    """

    def __init__(self, name: str, folder: Path, device: str) -> None:
        library = need("transformers", "encoding images")
        need("PIL", "encoding images")
        self.name, self.version = name, model_version(folder, "transformers", "pillow")
        with _loading(folder):
            self._processor = library.AutoImageProcessor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, backend="pil"
            )
            self._model, info = library.AutoModel.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
        missing = sorted(key for key in info["missing_keys"] if "pooler" not in key)
        if missing:
            raise DamagedFileError(
                "the weights of this encoder are incomplete",
                where=folder,
                found=f"no {missing[0]}" + (f" and {len(missing) - 1} more" * bool(missing[1:])),
                hint="copy or download it again",
            )
        # A pooler that is not in the file would be random.
        self._pooled = not info["missing_keys"]
        self._device = device
        self._model.to(device).eval()

    def encode(self, contents: Sequence[Path]) -> list[np.ndarray | None]:
        import torch

        images = [_open_image(path) for path in contents]
        there = [image for image in images if image is not None]
        if not there:
            return [None] * len(images)
        inputs = self._processor(images=there, return_tensors="pt")
        with torch.inference_mode():
            vectors = iter(self._vectors(inputs["pixel_values"].to(self._device)))
        return [None if image is None else next(vectors) for image in images]

    def _vectors(self, pixels: Any) -> np.ndarray:
        """Vectors ``[n, dim]``: the model's own pooling, else the mean of its last states."""
        if hasattr(self._model, "get_image_features"):
            found = self._model.get_image_features(pixel_values=pixels)
            found = getattr(found, "pooler_output", found)
        else:
            states = self._model(pixel_values=pixels)
            found = getattr(states, "pooler_output", None) if self._pooled else None
            if found is None:
                last = states.last_hidden_state  # [n, tokens, dim], or [n, dim, height, width]
                found = last.mean(dim=1) if last.ndim == 3 else last.mean(dim=(2, 3))
        vectors: np.ndarray = found.flatten(1).float().cpu().numpy()
        return vectors


def text_encoder(named: str, device: str, say: Callable[[str], None]) -> TextEncoder:
    """The encoder of texts by name or folder; the paper's where ``named`` is empty.

    Raises:
        ResourceError: A package, the device or the model cannot be had.
        ConfigError: There is no such folder.
        DamagedFileError: The folder holds no such encoder.
    """
    need("sentence_transformers", "encoding texts")
    name = named or TEXT
    known = (
        name if "/" in name or Path(name).expanduser().is_dir() else f"sentence-transformers/{name}"
    )
    folder = find_model(known, "--encode NAME=COLUMN:DIR", say)
    return TextEncoder(name, folder, find_device(device))


def image_encoder(named: str, device: str, say: Callable[[str], None]) -> ImageEncoder:
    """The encoder of images by name or folder; ``IMAGE`` where ``named`` is empty.

    Raises:
        ResourceError: A package, the device or the model cannot be had.
        ConfigError: There is no such folder.
        DamagedFileError: The folder holds no such encoder.
    """
    need("transformers", "encoding images")
    name = named or IMAGE
    folder = find_model(name, "--encode NAME=FOLDER:DIR", say)
    return ImageEncoder(name, folder, find_device(device))


def find_device(name: str) -> str:
    """``name``, or for ``auto`` a GPU where there is one.

    Raises:
        ResourceError: There is no such device.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ResourceError(
            f"this machine has no device '{name}': {reason(error)}",
            keys=("--device",),
            hint="write --device cpu",
        ) from error
    return name


def _open_image(path: Path) -> Any:
    """The image in RGB; None where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Refuse a folder that a library cannot load, and keep its own progress bars off the screen."""
    logging = import_module("transformers.utils.logging")
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    except Exception as error:  # the libraries raise many kinds, some of no class of their own
        raise DamagedFileError(
            f"this encoder cannot be loaded: {reason(error)}", where=folder, keys=("--encode",)
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()
