"""The kind, the duration and the size of real files: those that people met, and one of each container."""

from pathlib import Path

import pytest

from apixo_mcp.media import kinds
from apixo_mcp.media.probing.contents import best_kind, kind_of_content
from apixo_mcp.media.probing.probe import MediaFacts, probe

FILES = Path(__file__).parent.parent / "files"

MET = {
    "audio.webm": ("audio/webm", ".webm", MediaFacts(duration_seconds=5.008)),
    "badcrc.png": ("image/png", ".png", MediaFacts(width=640, height=360)),
    "bigtext.png": ("image/png", ".png", MediaFacts(width=640, height=360)),
    "cut.png": ("image/png", ".png", MediaFacts(width=640, height=360, is_cut=True)),
    "exif_rot6.jpg": ("image/jpeg", ".jpg", MediaFacts(width=360, height=640)),
    "frag.m4a": ("audio/mp4", ".m4a", MediaFacts(duration_seconds=5.023)),
    "frag.mp4": ("video/mp4", ".mp4", MediaFacts(width=320, height=240, duration_seconds=2.0)),
    "id3.aac": ("audio/aac", ".aac", MediaFacts(duration_seconds=5.039)),
    "noeoi.jpg": ("image/jpeg", ".jpg", MediaFacts(width=640, height=360, is_cut=True)),
    "ok.avi": ("video/x-msvideo", ".avi", MediaFacts(width=320, height=240, duration_seconds=2.0)),
    "ok.glb": ("model/gltf-binary", ".glb", MediaFacts()),
    "ok.heic": ("image/heic", ".heic", MediaFacts(width=640, height=360)),
    "ok.svg": ("image/svg+xml", ".svg", MediaFacts(width=10, height=10)),
    "vbr_noxing.mp3": ("audio/mpeg", ".mp3", MediaFacts(duration_seconds=20.036)),
    "wav_2e9.wav": ("audio/wav", ".wav", MediaFacts(duration_seconds=3.0)),
    "zeros.mp3": ("audio/mpeg", ".mp3", MediaFacts(duration_seconds=5.042)),
}


@pytest.mark.parametrize("name", MET)
def test_a_file_that_people_met_is_told_by_its_bytes_alone(name: str) -> None:
    mime_type, extension, facts = MET[name]
    kind = kind_of_content(FILES / name)
    assert (kind.mime_type, kind.extension) == (mime_type, extension)
    assert probe(FILES / name, kind) == facts


@pytest.mark.parametrize(
    "declared", ["", "application/octet-stream", "text/html", "audio/mpeg", "nonsense", "video/mp4"]
)
@pytest.mark.parametrize("name", ["audio.webm", "frag.m4a", "id3.aac", "zeros.mp3", "ok.svg", "exif_rot6.jpg"])
def test_the_bytes_come_before_what_is_declared(name: str, declared: str) -> None:
    assert kind_of_content(FILES / name, declared, "https://host/file.exe").mime_type == MET[name][0]


@pytest.mark.parametrize(
    ("body", "declared", "url", "mime_type", "extension"),
    [
        (b"\1\2\3\xff", "model/vnd.usdz+zip", "", "model/vnd.usdz+zip", ".usdz"),
        (b"\1\2\3\xff", "application/octet-stream", "https://host/model.FBX?x=.exe", "model/vnd.autodesk.fbx", ".fbx"),
        (b"\1\2\3\xff", "audio/x-unheard-of", "https://host/a.unheard", "audio/x-unheard-of", ".bin"),
        (b"\1\2\3\xff", "application/x-msdownload", "https://host/a.exe", "application/x-msdownload", ".bin"),
        (b"\1\2\3\xff", "", "https://host/a.exe", "application/octet-stream", ".bin"),
        (b"\1\2\3\xff", "text/html", "", "application/octet-stream", ".bin"),
        (b"\1\2\3\xff", "application/json", "https://host/a.pcm", "audio/l16", ".pcm"),
        (b"PK\3\4" + bytes(40), "model/vnd.usdz+zip", "", "model/vnd.usdz+zip", ".usdz"),
        (b"PK\3\4" + bytes(40), "image/png", "", "application/zip", ".zip"),
        (b"v 1.0 2.0 3.0\nf 1 2 3\n", "text/plain", "https://host/mesh.obj", "model/obj", ".obj"),
        (b"solid cube\nfacet normal 0 0 1\n", "model/stl", "", "model/stl", ".stl"),
        (b'{"asset": {"version": "2.0"}}', "model/gltf+json", "", "model/gltf+json", ".gltf"),
        (b'{"a": 1}', "image/png", "", "application/json", ".json"),
        (b"a word", "image/png", "https://host/a.png", "text/plain", ".txt"),
        (b"", "", "", "application/octet-stream", ".bin"),
    ],
)  # fmt: skip
def test_what_the_bytes_do_not_tell_is_told_by_declaration_and_name(body, declared, url, mime_type, extension) -> None:
    kind = best_kind(body, declared, url)
    assert (kind.mime_type, kind.extension) == (mime_type, extension)


CONTAINERS = {  # what a file with a picture is, and one of sound alone
    **dict.fromkeys(("mp4", "f4v", "ipod", "ismv", "psp"), ("video/mp4", "audio/mp4")),
    **dict.fromkeys(("dvd", "mpeg", "svcd", "vcd", "vob"), ("video/mpeg", "video/mpeg")),
    **dict.fromkeys(("oga", "ogg", "ogv", "opus", "spx"), ("video/ogg", "audio/ogg")),
    **dict.fromkeys(("mpeg1video", "mpeg2video"), ("video/mpeg", None)),
    **dict.fromkeys(("asf", "asf_stream"), ("video/x-ms-wmv", "audio/x-ms-wma")),
    **dict.fromkeys(("mxf", "mxf_d10", "mxf_opatom"), ("application/mxf", "application/mxf")),
    **dict.fromkeys(("swf", "avm2"), ("application/vnd.adobe.flash.movie",) * 2),
    "3gp": ("video/3gpp", "audio/3gpp"),
    "3g2": ("video/3gpp2", "audio/3gpp2"),
    "ac3": (None, "audio/ac3"),
    "adts": (None, "audio/aac"),
    "adx": (None, "audio/x-adx"),
    "aiff": (None, "audio/aiff"),
    "alp": (None, "audio/x-alp"),
    "amr": (None, "audio/amr"),
    "apm": (None, "audio/x-apm"),
    "apng": ("image/png", None),
    "argo_asf": (None, "audio/x-argo-asf"),
    "ast": (None, "audio/x-ast"),
    "au": (None, "audio/basic"),
    "avi": ("video/x-msvideo", "video/x-msvideo"),
    "avif": ("image/avif", None),
    "caf": (None, "audio/x-caf"),
    "dv": ("video/x-dv", None),
    "eac3": (None, "audio/eac3"),
    "film_cpk": ("video/x-film-cpk", None),
    "fits": ("image/fits", None),
    "flac": (None, "audio/flac"),
    "flv": ("video/x-flv", "video/x-flv"),
    "gif": ("image/gif", None),
    "gxf": ("video/x-gxf", "video/x-gxf"),
    "h263": ("video/h263", None),
    "h264": ("video/h264", None),
    "hevc": ("video/h265", None),
    "ico": ("image/vnd.microsoft.icon", None),
    "ircam": (None, "audio/x-ircam"),
    "ivf": ("video/x-ivf", None),
    "kvag": (None, "audio/x-kvag"),
    "latm": (None, "audio/mp4a-latm"),
    "m4v": ("video/mp4v-es", None),
    "matroska": ("video/x-matroska", "audio/x-matroska"),
    "mmf": (None, "audio/x-smaf"),
    "mov": ("video/quicktime", "video/quicktime"),
    "mp2": (None, "audio/mpeg"),
    "mp3": (None, "audio/mpeg"),
    "mpegts": ("video/mp2t", "video/mp2t"),
    "nut": ("video/x-nut", "video/x-nut"),
    "obu": ("video/av1", None),
    "rm": ("application/vnd.rn-realmedia", "application/vnd.rn-realmedia"),
    "roq": ("video/x-roq", "video/x-roq"),
    "smjpeg": ("video/x-smjpeg", "video/x-smjpeg"),
    "sox": (None, "audio/x-sox"),
    "spdif": (None, "audio/x-spdif"),
    "tta": (None, "audio/x-tta"),
    "voc": (None, "audio/x-voc"),
    "w64": (None, "audio/x-w64"),
    "wav": (None, "audio/wav"),
    "webm": ("video/webm", "audio/webm"),
    "webp": ("image/webp", None),
    "wtv": ("video/x-wtv", "video/x-wtv"),
    "wv": (None, "audio/x-wavpack"),
    "yuv4mpegpipe": ("video/x-yuv4mpeg", None),
}
RAW = (  # no mark of their own at all: samples, or frames without a header
    *("a64", "alaw", "mulaw", "vidc", "g722", "g726", "g726le", "h261", "rawvideo", "sbc", "rso", "wsaud", "dfpwm"),
    *("s8", "s16be", "s16le", "s24be", "s24le", "s32be", "s32le", "u8", "u16be", "u16le", "u24be", "u24le", "u32be"),
    *("u32le", "f32be", "f32le", "f64be", "f64le"),
)
ALONE = {"avi", "flv", "mov"}
"""Containers of videos whose type is the same for sound alone, but what they hold is told."""


@pytest.mark.parametrize("with_picture", [True, False], ids=["picture", "sound"])
def test_every_container_that_ffmpeg_writes_is_told(tmp_path: Path, with_picture: bool) -> None:
    muxers = pytest.importorskip("support.muxers", reason="the extra `video` is not installed")
    wrong: list[str] = []
    seen = 0
    for container in muxers.containers():
        path = tmp_path / container
        chosen = {"video": "default"} if with_picture else {"audio": "default"}
        if not muxers.write(path, container, seconds=0.4, **chosen):
            continue
        seen += 1
        kind = kind_of_content(path)
        if container in RAW:
            if kind != kinds.OTHER:
                wrong.append(f"{container}: {kind.mime_type}, and nothing was expected")
            told = kind_of_content(path, "audio/x-raw", "")
            if told.mime_type != "audio/x-raw":
                wrong.append(f"{container}: {told.mime_type} where its declared type is all there is")
            continue
        expected = CONTAINERS.get(container, (None, None))[0 if with_picture else 1]
        if kind.mime_type != expected:
            wrong.append(f"{container}: {kind.mime_type}, and {expected} was expected")
        is_sound = not with_picture and (container in ALONE or str(expected).startswith("audio/"))
        if is_sound and kind.modality != "audio":
            wrong.append(f"{container}: {kind.modality}, and it is sound alone")
    assert not wrong, "\n".join(wrong)
    assert seen > 40


PICTURES = {
    "bmp": "image/bmp", "png": "image/png", "jpegls": "image/jls", "jpeg2000": "image/jp2", "tiff": "image/tiff",
    "dpx": "image/x-dpx", "exr": "image/x-exr", "hdr": "image/vnd.radiance", "pam": "image/x-portable-arbitrarymap",
    "pbm": "image/x-portable-bitmap", "pcx": "image/vnd.zbrush.pcx", "pfm": "image/x-portable-floatmap",
    "pgm": "image/x-portable-graymap", "ppm": "image/x-portable-pixmap", "phm": "image/x-portable-halfmap",
    "qoi": "image/qoi", "sgi": "image/x-sgi", "sunrast": "image/x-sun-raster", "targa": "image/x-tga",
    "xbm": "image/x-xbitmap", "xwd": "image/x-xwindowdump", "libwebp": "image/webp", "libjxl": "image/jxl",
    "mjpeg": "image/jpeg", "ljpeg": "image/jpeg",
}  # fmt: skip


@pytest.mark.parametrize("codec", PICTURES)
def test_every_picture_that_ffmpeg_writes_is_told(tmp_path: Path, codec: str) -> None:
    muxers = pytest.importorskip("support.muxers", reason="the extra `video` is not installed")
    path = tmp_path / "a"
    if not muxers.write(path, "image2pipe", video=codec):
        pytest.skip(f"this ffmpeg does not write {codec}")
    assert kind_of_content(path).mime_type == PICTURES[codec]


@pytest.mark.parametrize(
    "container",
    "mp4 mov 3gp ismv matroska webm ogg opus flac mp3 mp2 adts wav w64 aiff au caf avi asf flv".split(),  # noqa: SIM905
)
@pytest.mark.parametrize("length", [0.5, 2.0, 7.3])
def test_a_duration_is_what_a_decoder_plays(tmp_path: Path, container: str, length: float) -> None:
    muxers = pytest.importorskip("support.muxers", reason="the extra `video` is not installed")
    path = tmp_path / "a"
    codec = "mp2" if container == "asf" else "default"
    if not muxers.write(path, container, audio=codec, seconds=length):
        pytest.skip(f"this ffmpeg does not write {container}")
    told = probe(path, kind_of_content(path)).duration_seconds
    assert told == pytest.approx(length, abs=0.1)
    whole = path.read_bytes()
    for part in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * part)])
        told = probe(path, kind_of_content(path)).duration_seconds
        assert told is None or told <= length * part + 0.35, f"cut to {part:.0%}, and still {told} s"
