"""Pictures as people see them: upright, in plain colours, and no larger than models look at.

Pillow does the work. Without it a file is sent as it is. Nothing is decoded before its number of pixels is known,
because a small file can unpack to more than fits in memory.
"""

from __future__ import annotations

import io
import sys
import warnings
from typing import TYPE_CHECKING, NamedTuple

from claude_nb.errors import PromptError
from claude_nb.guard import attempt

if TYPE_CHECKING:
    from PIL import Image

USEFUL_PIXELS = 1568  # of the longer side; models shrink larger pictures, and the user pays for them
MOST_PIXELS = 50_000_000  # decoded at once: 200 MB
MOST_BYTES = 5_000_000  # of a picture, as the servers allow
JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}  # a lower quality blurs small text
ORIENTATION = 0x0112  # the EXIF tag
SENT_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
LOOPING = ("GIF", "PNG", "WEBP")  # formats in which several pictures are one animation


class Picture(NamedTuple):
    """The bytes of a picture, its media type, and how it was changed: ", shrunk from ..."."""

    data: bytes
    media_type: str
    change: str = ""


def from_file(data: bytes, media_type: str, name: str) -> Picture:
    """Return the content of a picture file, changed only where a server would show it in another way.

    Raises PromptError for a broken picture, and for one with too many pixels.
    """
    try:
        from PIL import Image
    except ImportError:
        return Picture(data, media_type)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the pixels are counted below
            with Image.open(io.BytesIO(data)) as image:
                return _changed(image, name) or Picture(data, media_type)
    except Image.DecompressionBombError:
        raise PromptError(f"{name} has too many pixels; make it smaller first") from None
    except MemoryError:
        raise PromptError(f"{name} needs too much memory; make it smaller first") from None
    except PromptError:
        raise
    except Exception:  # noqa: BLE001  # Pillow raises nearly anything for a broken file
        raise PromptError(f"{name} begins like a picture but cannot be read as one; check the file") from None


def from_image(image: Image.Image, name: str) -> Picture:
    """Return a Pillow image of any mode as a file. Raises PromptError, or what Pillow raises."""
    _check_size(image, name)
    return _encoded(image, image.size)


def _changed(image: Image.Image, name: str) -> Picture | None:
    """Return the picture as it is sent; None if the file can be sent itself."""
    size = image.size
    is_small = max(size) <= USEFUL_PIXELS
    if is_small and image.mode in SENT_MODES and _turn(image) is None and not _is_animated(image):
        image.load()  # raises if the file was cut
        return None
    if not image.info.get("progressive"):  # such a JPEG is decoded as a whole
        scale = 2 * USEFUL_PIXELS / max(size)
        wanted = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        image.draft(None, wanted)  # a large JPEG is decoded at a part of its size
    _check_size(image, name)
    return _encoded(image, size)


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise PromptError(f"{name} has {image.width:,} x {image.height:,} pixels; make it smaller first")


def _encoded(image: Image.Image, size: tuple[int, int]) -> Picture:
    """Convert, shrink, turn and encode a picture. size: before a draft made it smaller."""
    from PIL import Image

    turn, profile, changes = _turn(image), image.info.get("icc_profile"), []
    picture = _plain(image)
    if max(size) > USEFUL_PIXELS:
        scale = USEFUL_PIXELS / max(size)
        small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        picture = picture.resize(small, Image.Resampling.LANCZOS)
    if profile and image.mode in ("RGB", "RGBA", "P"):
        picture = attempt(_srgb, picture, picture, profile)
    if turn is not None:
        picture = picture.transpose(turn)
        size = (
            size
            if turn in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_180)
            else size[::-1]
        )
        changes.append("turned upright")
    if picture.size != size:
        changes.append(f"shrunk from {size[0]} x {size[1]} to {picture.width} x {picture.height}")
    if _is_animated(image):
        changes.append("only the first picture of the animation")
    data, kind = _file(picture, is_photo=image.format in ("JPEG", "MPO"))
    return Picture(data, f"image/{kind.lower()}", "".join(f", {change}" for change in changes))


def _file(picture: Image.Image, *, is_photo: bool) -> tuple[bytes, str]:
    """Return the bytes of a picture and their format: PNG, or JPEG for a photo."""
    has_alpha = picture.mode in ALPHA_MODES
    if has_alpha or not is_photo:
        data = _saved(picture, {"format": "PNG"})
        if has_alpha or len(data) <= MOST_BYTES:
            return data, "PNG"
    return _saved(picture, JPEG), "JPEG"


def _saved(picture: Image.Image, options: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    picture.info = {}  # no profile, EXIF or comment, because the pixels are converted
    picture.save(buffer, **options)  # type: ignore[arg-type]  # the options differ by format
    return buffer.getvalue()


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return what makes a picture upright, by its EXIF orientation; None if it is."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return turns.get(attempt(lambda: image.getexif().get(ORIENTATION, 1), 1))


def _is_animated(image: Image.Image) -> bool:
    return image.format in LOOPING and bool(getattr(image, "is_animated", False))


def _plain(image: Image.Image) -> Image.Image:
    """Return a picture in mode L, LA, RGB or RGBA. Only these are shrunk well and read by all servers."""
    mode, profile = image.mode, image.info.get("icc_profile")
    if mode == "CMYK" and profile and (converted := attempt(_srgb, None, image, profile)):
        return converted
    if mode == "LAB":
        return _from_lab(image)
    if mode in ("I", "F") or mode.startswith("I;"):
        return _gray(image)
    if mode in ALPHA_MODES or "transparency" in image.info:
        plain = image.convert("LA" if mode in ("LA", "La") else "RGBA")
        alpha = plain.getchannel("A").getextrema()
        return plain.convert(plain.mode[:-1]) if alpha == (255, 255) else plain
    return image.convert("L" if mode in ("1", "L") else "RGB")


def _gray(image: Image.Image) -> Image.Image:
    """Return a picture with large or fractional numbers in 256 shades of grey.

    Numbers from 0 to 255 stay. Those up to 65535 count as 16 bits, and fractions up to 1 as a share of white.
    Others are spread between the smallest and the largest.
    """
    wide = _finite(image) if image.mode == "F" else image if image.mode == "I" else image.convert("I")
    low, high = (float(value) for value in wide.getextrema())  # type: ignore[arg-type]  # one pair for one channel
    if low >= 0 and high <= 255 and not (image.mode == "F" and 0 < high <= 1):
        return wide.convert("L")
    if low >= 0 and high <= 1:
        scale, offset = 255.0, 0.0
    elif low >= 0 and high <= 65535 and image.mode != "F":
        scale, offset = 255 / 65535, 0.0
    else:
        scale = 255 / (high - low) if high > low else 0.0
        offset = -low * scale
    return wide.convert("F").point(lambda value: value * scale + (offset + 0.5)).convert("L")


def _finite(image: Image.Image) -> Image.Image:
    """Return a picture of fractions with black for NaN, and the largest number for infinity.

    They come from numpy. Without it the picture stays as it is.
    """
    numpy = sys.modules.get("numpy")
    values = numpy.asarray(image) if numpy else None
    if numpy is None or values is None or numpy.isfinite(values).all():
        return image
    from PIL import Image

    known = values[numpy.isfinite(values)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
    return Image.fromarray(numpy.nan_to_num(values, nan=low, posinf=high, neginf=low))


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return _applied(ImageCms.buildTransform(lab, srgb, "LAB", "RGB"), image)


def _srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Return a picture in the usual colours instead of those of its profile. Raises what Pillow raises."""
    from PIL import ImageCms

    own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    mode = picture.mode if picture.mode == "RGBA" else "RGB"
    return _applied(ImageCms.buildTransform(own, srgb, picture.mode, mode), picture)


def _applied(transform: object, picture: Image.Image) -> Image.Image:
    from PIL import ImageCms

    converted = ImageCms.applyTransform(picture, transform)  # type: ignore[arg-type]  # its type has no public name
    if converted is None:
        raise ValueError("nothing was converted")
    return converted
