"""What the first bytes of a file tell of its type. Pure; knows nothing of the table of types.

What has a long mark of its own comes first, what is known by a few bits of its first frame last.
"""

import re
import struct

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff\xf7", "image/jls"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0\x08\0", "image/tiff"),  # of more than 4 GB
    (b"MM\0+\0\x08", "image/tiff"),
    (b"8BPS\0\x01", "image/vnd.adobe.photoshop"),
    (b"8BPS\0\x02", "image/vnd.adobe.photoshop"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/j2c"),
    (b"\xff\x10\xff\x50", "image/jxs"),
    (b"qoif", "image/qoi"),
    (b"SDPX", "image/x-dpx"),
    (b"XPDS", "image/x-dpx"),
    (b"\x76\x2f\x31\x01", "image/x-exr"),
    (b"#?RADIANCE", "image/vnd.radiance"),
    (b"#?RGBE", "image/vnd.radiance"),
    (b"\x59\xa6\x6a\x95", "image/x-sun-raster"),
    (b"SIMPLE  = ", "image/fits"),
    (b"icns", "image/icns"),
    (b"DDS \x7c\0\0\0", "image/vnd-ms.dds"),
    (b"\xabKTX 11\xbb", "image/ktx"),
    (b"\xabKTX 20\xbb", "image/ktx2"),
    (b"FLV\x01", "video/x-flv"),
    (b".RMF\0", "application/vnd.rn-realmedia"),
    (b".ra\xfd", "audio/x-pn-realaudio"),
    (b"FWS", "application/vnd.adobe.flash.movie"),
    (b"CWS", "application/vnd.adobe.flash.movie"),
    (b"ZWS", "application/vnd.adobe.flash.movie"),
    (b"nut/multimedia container\0", "video/x-nut"),
    (b"DKIF\0\0", "video/x-ivf"),
    (b"YUV4MPEG2 ", "video/x-yuv4mpeg"),
    (b"\0\nSMJPEG\0", "video/x-smjpeg"),
    (b"\x84\x10\xff\xff\xff\xff", "video/x-roq"),
    (b"\xb7\xd8\x00\x20\x37\x49\xda\x11", "video/x-wtv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", "video/x-ms-asf"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", "application/mxf"),
    (b"\0\0\0\0\x01\xbc\0\0", "video/x-gxf"),
    (b"BBCD", "video/x-dirac"),
    (b"\0\0\x02\x80\x01", "video/x-dnxhd"),
    (b"\0\0\x02\x80\x02", "video/x-dnxhd"),
    (b"\0\0\x02\x80\x03", "video/x-dnxhd"),
    (b"fLaC", "audio/flac"),
    (b"RF64", "audio/wav"),
    (b"BW64", "audio/wav"),
    (b"riff\x2e\x91\xcf\x11", "audio/x-w64"),
    (b".snd\0\0", "audio/basic"),
    (b"#!AMR-WB", "audio/amr-wb"),
    (b"#!AMR", "audio/amr"),
    (b"caff\0\x01", "audio/x-caf"),
    (b"caff\0\x02", "audio/x-caf"),
    (b"ADIF", "audio/aac"),
    (b"MThd\0\0\0\x06", "audio/midi"),
    (b"MMMD", "audio/x-smaf"),
    (b"TTA1", "audio/x-tta"),
    (b"TTA2", "audio/x-tta"),
    (b"wvpk", "audio/x-wavpack"),
    (b"MAC ", "audio/x-ape"),
    (b"MPCK", "audio/x-musepack"),
    (b"MP+", "audio/x-musepack"),
    (b"DSD \x1c\0\0\0", "audio/x-dsf"),
    (b"Creative Voice File\x1a", "audio/x-voc"),
    (b".SoX", "audio/x-sox"),
    (b"XoS.", "audio/x-sox"),
    (b"\x64\xa3\x01\0", "audio/x-ircam"),
    (b"\x64\xa3\x02\0", "audio/x-ircam"),
    (b"\x64\xa3\x03\0", "audio/x-ircam"),
    (b"\0\x01\xa3\x64", "audio/x-ircam"),
    (b"\0\x02\xa3\x64", "audio/x-ircam"),
    (b"\0\x08\0\0\0\0", "audio/x-aea"),
    (b"STRM", "audio/x-ast"),
    (b"ea3\x03", "audio/x-oma"),
    (b"EA3\0\x60", "audio/x-oma"),
    (b"#!iLBC", "audio/x-ilbc"),
    (b"\x1c\xcc", "audio/x-lc3"),
    (b"\xc0\xde\xc2", "audio/x-codec2"),
    (b"\xf8\x06iamf", "audio/iamf"),
    (b"GVAG", "audio/x-kvag"),
    (b"KVAG", "audio/x-kvag"),
    (b"ASF\0", "audio/x-argo-asf"),
    (b"ALP ", "audio/x-alp"),
    (b"\x7f\xfe\x80\x01", "audio/vnd.dts"),
    (b"\xfe\x7f\x01\x80", "audio/vnd.dts"),
    (b"\x1f\xff\xe8\x00", "audio/vnd.dts"),
    (b"\xff\x1f\x00\xe8", "audio/vnd.dts"),
    (b"DTSHDHDR", "audio/vnd.dts"),
    (b"\x72\xf8\x1f\x4e", "audio/x-spdif"),
    (b"\xf8\x72\x4e\x1f", "audio/x-spdif"),
    (b"\xac\x40", "audio/ac4"),
    (b"\xac\x41", "audio/ac4"),
    (b"#EXTM3U", "application/vnd.apple.mpegurl"),
    (b"glTF\x01\0\0\0", "model/gltf-binary"),
    (b"glTF\x02\0\0\0", "model/gltf-binary"),
    (b"Kaydara FBX Binary", "model/vnd.autodesk.fbx"),
    (b"BLENDER", "application/x-blender"),
    (b"ply\nformat ", "model/ply"),
    (b"ply\r\nformat ", "model/ply"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS", "application/postscript"),
    (b"\xc5\xd0\xd3\xc6", "application/postscript"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"WEBVTT", "text/vtt"),
    (b"\xef\xbb\xbfWEBVTT", "text/vtt"),
    (b"wOF2", "font/woff2"),
    (b"OTTO\0", "font/otf"),
)
_RIFF = {
    b"WEBP": "image/webp",
    b"WAVE": "audio/wav",
    b"AVI ": "video/x-msvideo",
    b"AVIX": "video/x-msvideo",
    b"AMV ": "video/x-amv",
    b"RMID": "audio/midi",
}
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image/heic"),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "), "audio/mp4"),
    b"qt  ": "video/quicktime",
    b"jp2 ": "image/jp2",
    b"jxl ": "image/jxl",
}
_ANY_PICTURE = (b"mif1", b"msf1", b"mif2", b"miaf")
"""Brands that say no more than "a still picture": the codec is among the compatible brands."""
_PICTURE_TEXT = re.compile(rb"P([1-6])(?:\s|#[^\n]{0,200}\n){1,20}\d{1,6}\s")
_PORTABLE = ("bit", "gray", "pix") * 2
_SVG = re.compile(rb"<(?:svg|[a-z]{1,8}:svg)[\s>]")


def told(head: bytes) -> str:
    """Returns the MIME type of a file that starts with these bytes, or its extension where the type has several kinds.

    Empty where they tell nothing.
    """
    if head[:3] == b"ID3" and len(head) >= 10:
        behind = head[tag_size(head) :]
        return (told(behind) if behind and behind[:3] != b"ID3" else "") or "audio/mpeg"
    for start, mime_type in _STARTS:
        if head.startswith(start):
            return mime_type
    return _contained(head) or _pictured(head) or _streamed(head) or _framed(head)


def tag_size(head: bytes) -> int:
    """Counts the bytes of the ID3 tag that these begin, 0 without one. Tags stand before sound of any format."""
    if head[:3] != b"ID3" or len(head) < 10 or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return size + (20 if head[5] & 0x10 else 10)


def _contained(head: bytes) -> str:
    """Containers whose mark stands beside a length, or says no more than the container."""
    name = head[4:8]
    if head[:4] in (b"RIFF", b"RIFX"):
        return _RIFF.get(head[8:12], "")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head[:128] else "video/x-matroska"
    if head[:4] == b"OggS":
        return (
            "video/ogg"
            if any(mark in head for mark in (b"\x80theora", b"BBCD\0", b"\x01video\0", b"OVP80"))
            else ("audio/ogg")
        )
    if name == b"ftyp":
        return _branded(head)
    if head[:2] == b"\0\0" and name in (b"moov", b"mdat", b"wide", b"pnot", b"skip", b"free"):
        return "video/quicktime"
    if head[:2] == b"\0\0" and name in (b"styp", b"moof", b"sidx"):
        return "video/mp4"
    if head[:4] == b"FILM" and head[16:20] == b"FDSC":
        return "video/x-film-cpk"
    if head[257:262] == b"ustar":
        return "application/x-tar"
    if name in (b"\xf8\x72\x6f\xba", b"\xf8\x72\x6f\xbb"):
        return "audio/x-truehd" if name[3] == 0xBA else "audio/x-mlp"
    return "audio/x-apm" if head[:2] == b"\0\x20" and b"vs12" in head[:32] else ""


def _branded(head: bytes) -> str:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if brands[0] in _ANY_PICTURE:
        return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), "image/heif")
    if brands[0][:3] in (b"3gp", b"3gr", b"3gs", b"3ge", b"3gg"):
        return "video/3gpp"
    if brands[0][:3] == b"3g2":
        return "video/3gpp2"
    return _BRANDS.get(brands[0], "video/mp4")


def _pictured(head: bytes) -> str:
    """Pictures with a short mark, believed only with what comes after it."""
    if head[:2] == b"BM" and len(head) >= 26 and head[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if head[:3] == b"\0\0\x01" and head[3:4] in (b"\0", b"\x02") and len(head) >= 22:
        count, size, at = struct.unpack("<H8xII", head[4:22])
        if 0 < count <= 256 and head[9] == 0 and size and at >= 6 + 16 * count and head[3] == 0:
            return "image/vnd.microsoft.icon"
    if (
        head[:1] == b"\x0a"
        and head[1:3] in (b"\x05\x01", b"\x03\x01", b"\x02\x01")
        and head[3:4] in (*(b"\x01", b"\x02", b"\x04", b"\x08"),)
    ):
        return "image/vnd.zbrush.pcx"
    if head[:2] == b"\x01\xda" and head[2:3] in (b"\0", b"\x01") and head[3:4] in (b"\x01", b"\x02"):
        return "image/x-sgi"
    if found := _PICTURE_TEXT.match(head[:4400]):
        return f"image/x-portable-{_PORTABLE[int(found[1]) - 1]}map"
    if head[:3] == b"P7\n" and b"WIDTH" in head[:400]:
        return "image/x-portable-arbitrarymap"
    if head[:3] in (b"PF\n", b"Pf\n"):
        return "image/x-portable-floatmap"
    if head[:3] in (b"PH\n", b"Ph\n"):
        return "image/x-portable-halfmap"
    if len(head) >= 100 and head[4:8] == b"\0\0\0\x07" and 100 <= int.from_bytes(head[:4], "big") <= 1000:
        return "image/x-xwindowdump"
    if len(head) > 18 and head[1] < 2 and head[2] in (1, 2, 3, 9, 10, 11) and (head[1] or not any(head[3:8])):
        width, height, depth, flags = struct.unpack("<HHBB", head[12:18])
        if width and height and depth in (8, 16, 24, 32) and not flags & 0xC0 and head[2] & 7 != 1 - head[1]:
            return "image/x-tga"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"<" and (found := _SVG.search(start.lower())) and b"<html" not in start[: found.start()].lower():
        return "image/svg+xml"
    if start.startswith(b"#define ") and b"_width " in start[:300]:
        return "image/x-xbitmap"
    return ""


def _streamed(head: bytes) -> str:
    """Streams of packets and of coded pictures: known by start codes, and by marks that come again."""
    if _repeats(head, 0x47, 188):
        return "video/mp2t"
    if _repeats(head[4:], 0x47, 192):
        return "video/mp2t"
    if head[:4] == b"\0\0\x01\xba":
        return "video/mpeg"
    if head[:3] == b"\x1f\x07\0" and head[3:4] in (b"\x3f", b"\xbf"):
        return "video/x-dv"
    if head[4:8] == b"aPv1":
        return "video/x-apv"
    if head[:2] == b"$H" and head[12:16] == b"\x30\x26\xb2\x75":
        return "video/x-ms-asf"
    if head[:2] == b"\0\0" and len(head) > 4 and head[2] & 0xFC == 0x80 and head[3] & 3 == 2:
        return "video/h263"
    if head[3:4] == b"\xc5" and head[4:8] == b"\x04\0\0\0":
        return "video/x-rcv"
    if head[:3] == b"\x12\0\x0a":
        return "video/av1"
    code = re.match(rb"\0{0,8}\0\0\x01", head[:16])
    return _coded(head[code.end() : code.end() + 6]) if code else ""


def _coded(unit: bytes) -> str:
    """Tells what a start code begins: it is not unique, so that the byte after it decides."""
    if len(unit) < 3:
        return ""
    code = unit[0]
    if code == 0xB3:
        return "video/mpeg"
    if code == 0x0F and unit[1] & 0xC0 == 0xC0:
        return "video/vc1"
    if code in (0xB0, 0xB5) or (code <= 0x1F and code != 0x09 and unit[1:3] == b"\0\0"):
        return "video/mp4v-es"
    if code == 0x09 or (code & 0x9F == 7 and code != 7):
        return "video/h264"
    if code >> 1 in (32, 33, 35) and unit[1] == 1:
        return "video/h265"
    if code == 0 and unit[1] >> 3 in (14, 15, 20) and unit[1] & 7 == 1:
        return "video/h266"
    return ""


def _repeats(head: bytes, mark: int, step: int) -> bool:
    found = head[0 : step * 5 : step]
    return len(found) >= 2 and all(byte == mark for byte in found)


def _framed(head: bytes) -> str:
    """Recognises sound without a container by the header of its first frame."""
    if len(head) < 4:
        return ""
    if head[:2] == b"\x0b\x77" and len(head) > 5:
        return "audio/eac3" if 10 < head[5] >> 3 <= 16 else "audio/ac3"
    if head[0] == 0x56 and head[1] & 0xE0 == 0xE0 and _is_next(head, 3 + ((head[1] & 0x1F) << 8 | head[2]), b"\x56"):
        return "audio/mp4a-latm"
    if head[0] == 0x80 and head[1] == 0 and b"(c)CRI" in head:
        return "audio/x-adx"
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return ""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac" if head[2] >> 2 & 15 < 13 else ""
    bit_rate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer not in (1, 2) or bit_rate in (0, 15) or rate == 3:
        return ""
    return "audio/mpeg" if layer == 1 else ".mp2"


def _is_next(head: bytes, at: int, mark: bytes) -> bool:
    """Tells whether a next frame begins where the first one ends, as far as the bytes at hand go."""
    return at >= len(head) or head[at : at + 1] == mark
