"""Pictures arrive upright, readable, in plain colours, and are never decoded when they are too large."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw, ImageFile, ImageOps

from claude_nb.errors import PromptError
from claude_nb.prompting import attachments, pictures
from claude_nb.prompting.template import fill

mpl.use("agg")
RED, BLUE = (255, 0, 0), (0, 0, 255)


def scene(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A blue picture with a red upper left corner."""
    picture = Image.new("RGB", (width, height), BLUE)
    picture.paste(RED, (0, 0, width // 2, height // 2))
    return picture.convert(mode)


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


def sent(source: Any) -> Image.Image:
    picture = Image.open(io.BytesIO(attachments.gather([source]).attachments[0].bytes))
    picture.load()
    return picture


def notice(source: Any) -> str:
    return attachments.gather([source]).notices[0]


def is_near(colour: Any, other: tuple[int, ...], most: int = 12) -> bool:
    return all(abs(one - another) <= most for one, another in zip(colour, other, strict=True))


# Upright

AS_HELD = {  # how a camera stores an upright picture that it marks with this orientation
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def photo(orientation: int, size: tuple[int, int], kind: str) -> bytes:
    picture, turn = scene(*size), AS_HELD[orientation]
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = orientation
    return saved(picture if turn is None else picture.transpose(turn), kind, exif=exif)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(80, 40), (1600, 800)])
@pytest.mark.parametrize("orientation", AS_HELD)
def test_a_photo_arrives_upright_shrunk_or_not(orientation: int, size: tuple[int, int], kind: str) -> None:
    data = photo(orientation, size, kind)
    for source in (data, Image.open(io.BytesIO(data))):
        picture = sent(source)
        assert picture.width == 2 * picture.height
        assert max(picture.size) == min(size[0], pictures.USEFUL_PIXELS)
        assert ImageOps.exif_transpose(picture).size == picture.size
        corner = picture.convert("RGB")
        assert is_near(corner.getpixel((picture.width // 4, picture.height // 4)), RED)
        assert is_near(corner.getpixel((picture.width * 3 // 4, picture.height // 4)), BLUE)
        assert is_near(corner.getpixel((picture.width // 4, picture.height * 3 // 4)), BLUE)


def test_the_notice_says_what_was_changed() -> None:
    assert notice(photo(6, (1600, 800), "JPEG")).endswith(", turned upright, shrunk from 1600 x 800 to 1568 x 784")
    assert notice(photo(6, (80, 40), "JPEG")).endswith(", turned upright")


def test_a_broken_orientation_counts_as_none() -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 9
    data = saved(scene(80, 40), "JPEG", exif=exif)
    assert attachments.gather(data).attachments[0].bytes == data
    data = saved(scene(80, 40), "JPEG", exif=b"Exif\0\0MM broken")
    assert attachments.gather(data).attachments[0].bytes == data


# Readable


def drawing(mode: str) -> Image.Image:
    """Thin black lines on white, three of them in each 60 pixels."""
    picture = Image.new("L", (4000, 40), 255)
    draw = ImageDraw.Draw(picture)
    for x in range(10, 4000, 20):
        draw.line([(x, 0), (x, 40)], fill=0)
    if mode == "P":
        return picture.convert("RGB").quantize(4)
    return (
        picture.convert("I").point(lambda value: value * 257).convert(mode) if mode == "I;16" else picture.convert(mode)
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "I", "F"])
def test_every_thin_line_stays_when_a_picture_is_shrunk(mode: str) -> None:
    source = drawing(mode)
    picture = sent(source if mode in ("CMYK", "F", "I") else saved(source, "PNG")).convert("L")
    row = [picture.getpixel((x, 5)) for x in range(picture.width)]
    lines = [x for x in range(1, len(row) - 1) if row[x] <= row[x - 1] and row[x] < row[x + 1] and row[x] < 215]
    assert len(lines) == 200


def test_a_transparent_palette_is_shrunk_with_its_transparency() -> None:
    source = Image.new("RGBA", (2000, 1000), (0, 0, 0, 0))
    source.paste((255, 0, 0, 255), (0, 0, 1000, 1000))
    picture = sent(saved(source.quantize(8), "PNG"))
    assert picture.mode == "RGBA"
    assert picture.getpixel((10, 10)) == (255, 0, 0, 255)
    assert picture.getpixel((1500, 10))[3] == 0


def test_line_art_is_shrunk_without_the_noise_of_jpeg() -> None:
    source = Image.new("RGB", (1700, 1700), "white")
    ImageDraw.Draw(source).rectangle((100, 100, 1200, 1200), fill="red")
    picture = sent(saved(source, "WEBP", lossless=True))
    assert picture.format == "PNG"
    assert len(set(picture.get_flattened_data())) < 40


def test_a_large_photo_in_the_notebook_is_small_enough_to_send() -> None:
    picture = sent(Image.effect_noise((1500, 1500), 80).convert("RGB").rotate(5))
    assert picture.size == (1500, 1500)


# In plain colours


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16", "RGBX"])
def test_a_picture_of_any_mode_is_attached_in_its_colours(mode: str) -> None:
    gray = Image.new("L", (8, 4), 250)
    gray.paste(3, (4, 0, 8, 4))
    source = scene(8, 8) if mode in ("P", "RGB", "CMYK", "YCbCr", "HSV", "LAB", "RGBX") else gray
    if mode == "LAB":
        made = ImageCms.profileToProfile(
            source, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
        assert made
    elif mode == "I;16":
        made = source.convert("I").point(lambda value: value * 257).convert("I;16")
    else:
        made = source.convert(mode)
    picture = sent(made).convert("RGB")
    for at in ((1, 1), (6, 1)):
        assert is_near(picture.getpixel(at), source.convert("RGB").getpixel(at), 24 if mode == "LAB" else 6)
    assert fill("{{x}}", {"x": made}, pictures=True).attachments[0].name == "x.png"


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_transparency_stays_in_any_mode(mode: str) -> None:
    made = Image.new(mode, (2, 1), 0 if mode == "PA" else (0,) * len(Image.new(mode, (1, 1)).getbands()))
    if mode == "PA":
        made.putalpha(0)
    assert sent(made).convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 0)


def test_fractions_and_other_numbers_become_grey() -> None:
    fractions = Image.new("F", (2, 1), 0.0)
    fractions.putpixel((1, 0), 1.0)
    assert [sent(fractions).getpixel((x, 0)) for x in (0, 1)] == [0, 255]
    others = Image.new("F", (3, 1), -10.0)
    others.putpixel((1, 0), 0.0)
    others.putpixel((2, 0), 10.0)
    assert [sent(others).getpixel((x, 0)) for x in (0, 1, 2)] == [0, 128, 255]


def test_a_colour_profile_is_applied_when_the_picture_is_changed() -> None:
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, swapped, b"broken"):
        picture = sent(saved(scene(2000, 1000), "PNG", icc_profile=profile))
        assert "icc_profile" not in picture.info
        assert is_near(picture.convert("RGB").getpixel((5, 5)), RED)


def test_only_the_first_picture_of_an_animation_is_sent_and_said() -> None:
    frames = [scene(30, 20), scene(30, 20).transpose(Image.Transpose.ROTATE_180)]
    for kind in ("GIF", "PNG", "WEBP"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        assert is_near(sent(data).convert("RGB").getpixel((5, 5)), RED)
        assert notice(data).endswith(", only the first picture of the animation")
    assert sent(saved(frames[0], "GIF")).format == "GIF"


def test_what_a_picture_or_figure_raises_is_one_line() -> None:
    from matplotlib.figure import Figure

    class Broken(Figure):
        def savefig(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("no renderer\nhere")

    class Draws:
        def _repr_png_(self) -> bytes:
            raise KeyError("nothing to draw")

    cut = saved(scene(500, 500).rotate(3), "PNG")[:300]
    for source in (Broken(), Draws(), Image.open(io.BytesIO(cut))):
        with pytest.raises(PromptError) as caught:
            attachments.gather([source])
        assert "\n" not in str(caught.value)


def test_an_object_that_draws_itself_is_attached_as_a_picture() -> None:
    class Draws:
        def _repr_png_(self) -> Any:
            return saved(scene(8, 8), "PNG"), {"width": 8}

    assert sent(Draws()).size == (8, 8)


def test_a_part_of_a_figure_and_a_huge_one_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    whole = Figure(figsize=(2, 1), dpi=50)
    assert max(sent(whole.subfigures(1, 2)[0]).size) > 40
    huge = Figure(figsize=(2, 1), dpi=5_000)
    monkeypatch.setattr(pictures, "MOST_PIXELS", 2_000_000)
    huge.text(0.5, 0.5, "x")
    assert 0 < max(sent(huge).size) <= pictures.USEFUL_PIXELS


# Pixels are counted before anything is decoded


def png_header(width: int, height: int, kind: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(768)) if kind == 3 else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + palette + chunk(b"IDAT", zlib.compress(bytes(1000)))


def gif_header(width: int, height: int) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return b"GIF89a" + screen + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00;"


def webp_header(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + size
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def resized(data: bytes, width: int, height: int) -> bytes:
    """A progressive JPEG that says to have another size."""
    at = data.index(b"\xff\xc2") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


BOMBS = {
    "png": png_header(14_100, 14_100, 6),
    "png below the warning of Pillow": png_header(9_000, 9_000, 6),
    "png with a palette": png_header(30_000, 30_000, 3),
    "grey png": png_header(65_000, 10_000, 0),
    "long png": png_header(2_000_000, 40, 2),
    "gif": gif_header(60_000, 60_000),
    "small gif": gif_header(10_000, 10_000),
    "webp": webp_header(16_000, 16_000),
    "progressive jpeg": resized(saved(Image.new("L", (80, 70)), "JPEG", progressive=True), 8_000, 7_000),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("limit", [Image.MAX_IMAGE_PIXELS, None])
def test_a_small_file_with_too_many_pixels_is_never_decoded(
    name: str, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_: Any) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(PromptError, match=r"make it smaller first|cannot be read as one") as caught:
        attachments.gather(BOMBS[name])
    assert "\n" not in str(caught.value)


def test_a_large_photo_is_decoded_at_a_part_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_PIXELS", 10_000_000)
    data = saved(Image.new("L", (6_400, 3_200)), "JPEG")
    decoded = []
    load = ImageFile.ImageFile.load

    def counted(image: Any) -> Any:
        decoded.append(image.width * image.height)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", counted)
    assert attachments.gather(data).notices[0].endswith(", shrunk from 6400 x 3200 to 1568 x 784")
    assert max(decoded) == 3_200 * 1_600


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_file_that_was_cut_is_refused(kind: str) -> None:
    noise = Image.effect_noise((200, 150), 80)
    data = saved(noise, kind)
    assert sent(data).size == noise.size
    with pytest.raises(PromptError, match="begins like a picture but cannot be read as one; check the file"):
        attachments.gather([data[: len(data) // 2]])


def test_numbers_that_are_not_finite_leave_the_others_visible() -> None:
    values = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
    values[0, :3] = np.nan, np.inf, -np.inf
    grey = sent(Image.fromarray(values))
    assert [grey.getpixel(at) for at in ((0, 0), (1, 0), (2, 0), (3, 2))] == [0, 255, 0, 255]
    assert sent(Image.fromarray(np.full((2, 2), np.nan, "float32"))).getextrema() == (0, 0)


class Drawing:
    """An object that shows itself in a notebook."""

    def __init__(self, **shown: Any) -> None:
        self.shown = shown

    def _repr_png_(self) -> Any:
        return self.shown.get("png")

    def _repr_jpeg_(self) -> Any:
        return self.shown.get("jpeg")

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return self.shown.get("bundle")


PNG, JPEG = saved(scene(4, 3), "PNG"), saved(scene(4, 3), "JPEG")
PNG_TEXT, JPEG_TEXT = base64.b64encode(PNG).decode(), base64.b64encode(JPEG).decode()


@pytest.mark.parametrize(
    "shown",
    [
        {"png": PNG},
        {"png": PNG_TEXT},
        {"png": (PNG, {"width": 4})},
        {"png": (PNG_TEXT, {"width": 4})},
        {"jpeg": JPEG},
        {"jpeg": JPEG_TEXT},
        {"bundle": {"image/png": PNG_TEXT, "text/plain": "a"}},
        {"bundle": {"image/jpeg": JPEG}},
        {"bundle": ({"image/png": PNG}, {"image/png": {"width": 4}})},
    ],
    ids=lambda shown: " ".join(f"{name} {type(value).__name__}" for name, value in shown.items()),
)
def test_an_object_is_attached_as_it_shows_itself(shown: dict[str, Any]) -> None:
    assert sent(Drawing(**shown)).size == (4, 3)


@pytest.mark.parametrize(
    "shown", [{}, {"bundle": {}}, {"bundle": {"text/plain": "a"}}, {"png": "no base64"}, {"png": 5}]
)
def test_an_object_that_shows_no_picture_is_refused(shown: dict[str, Any]) -> None:
    with pytest.raises(PromptError):
        attachments.gather([Drawing(**shown)])
