"""The one table of file types: what each is called, and the bytes that files of it begin with.

What tells the type of a file is in `probing.signatures` (its first bytes) and `probing.contents` (all that is known).
"""

from dataclasses import dataclass

from apixo_mcp.generation import Modality


@dataclass(frozen=True, slots=True)
class Kind:
    """A file type.

    Attributes:
        extension: with its dot.
        modality: None for what is neither a picture nor a video nor a recording.
        words: what a person calls it.
        also: other MIME types and extensions that it goes by, separated by spaces.
        marks: bytes that no other files begin with; a longer mark counts before a shorter one.
    """

    mime_type: str
    extension: str
    modality: Modality | None
    words: str
    also: str = ""
    marks: tuple[bytes, ...] = ()


# fmt: off
PNG = Kind("image/png", ".png", "image", "a PNG picture", also="image/apng image/x-png .apng",
           marks=(b"\x89PNG\r\n\x1a\n",))
JPEG = Kind("image/jpeg", ".jpg", "image", "a JPEG picture", also="image/jpg image/pjpeg .jpeg .jpe .jfif .ljpg",
            marks=(b"\xff\xd8\xff",))
WEBP = Kind("image/webp", ".webp", "image", "a WebP picture")
GIF = Kind("image/gif", ".gif", "image", "a GIF picture", marks=(b"GIF87a", b"GIF89a"))
BMP = Kind("image/bmp", ".bmp", "image", "a BMP picture", also="image/x-ms-bmp image/x-bmp .dib")
TIFF = Kind("image/tiff", ".tiff", "image", "a TIFF picture", also=".tif",
            marks=(b"II*\0", b"MM\0*", b"II+\0\x08\0", b"MM\0+\0\x08"))
AVIF = Kind("image/avif", ".avif", "image", "an AVIF picture", also="image/avif-sequence")
HEIC = Kind("image/heic", ".heic", "image", "a HEIC picture", also="image/heic-sequence")
HEIF = Kind("image/heif", ".heif", "image", "a HEIF picture", also="image/heif-sequence .hif")
SVG = Kind("image/svg+xml", ".svg", "image", "an SVG drawing")
PSD = Kind("image/vnd.adobe.photoshop", ".psd", "image", "a Photoshop picture",
           also="image/x-photoshop application/photoshop image/psd", marks=(b"8BPS\0\x01", b"8BPS\0\x02"))
JXL = Kind("image/jxl", ".jxl", "image", "a JPEG XL picture", marks=(b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a"))
JP2 = Kind("image/jp2", ".jp2", "image", "a JPEG 2000 picture", also=".jpx .jpf", marks=(b"\0\0\0\x0cjP  \r\n\x87\n",))
J2K = Kind("image/j2c", ".j2c", "image", "a JPEG 2000 picture", also=".j2k .jpc", marks=(b"\xff\x4f\xff\x51",))
ICO = Kind("image/vnd.microsoft.icon", ".ico", "image", "an icon", also="image/x-icon image/ico")

MP4 = Kind("video/mp4", ".mp4", "video", "an MP4 video", also="video/x-m4v application/mp4 .m4v .f4v .ismv")
MOV = Kind("video/quicktime", ".mov", "video", "a QuickTime video", also=".qt")
WEBM = Kind("video/webm", ".webm", "video", "a WebM video")
MKV = Kind("video/x-matroska", ".mkv", "video", "a Matroska video", also="video/matroska")
THREE_GP = Kind("video/3gpp", ".3gp", "video", "a 3GP video")
THREE_G2 = Kind("video/3gpp2", ".3g2", "video", "a 3G2 video")
OGV = Kind("video/ogg", ".ogv", "video", "an Ogg video")
AVI = Kind("video/x-msvideo", ".avi", "video", "an AVI video", also="video/avi video/msvideo video/vnd.avi")
FLV = Kind("video/x-flv", ".flv", "video", "a Flash video", marks=(b"FLV\x01",))
WMV = Kind("video/x-ms-wmv", ".wmv", "video", "a Windows Media video")
ASF = Kind("video/x-ms-asf", ".asf", "video", "a Windows Media file",
           marks=(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",))
MPEG_TS = Kind("video/mp2t", ".ts", "video", "an MPEG transport stream", also=".m2ts .mts .m2t")
MPEG_PS = Kind("video/mpeg", ".mpg", "video", "an MPEG video",
               also="video/mp2p video/mpg .mpeg .mpe .vob .m1v .m2v .dvd")

MP3 = Kind("audio/mpeg", ".mp3", "audio", "an MP3 recording", also="audio/mp3 audio/x-mp3 audio/x-mpeg audio/mpeg3")
MP2 = Kind("audio/mpeg", ".mp2", "audio", "an MP2 recording", also=".mpa .m2a")
WAV = Kind("audio/wav", ".wav", "audio", "a WAV recording",
           also="audio/x-wav audio/wave audio/vnd.wave audio/x-pn-wav .wave .rf64 .bw64", marks=(b"RF64", b"BW64"))
W64 = Kind("audio/x-w64", ".w64", "audio", "a Wave64 recording", marks=(b"riff\x2e\x91\xcf\x11",))
FLAC = Kind("audio/flac", ".flac", "audio", "a FLAC recording", also="audio/x-flac", marks=(b"fLaC",))
OGG = Kind("audio/ogg", ".ogg", "audio", "an Ogg recording",
           also="audio/opus audio/vorbis audio/speex application/ogg .oga .opus .spx")
M4A = Kind("audio/mp4", ".m4a", "audio", "an M4A recording", also="audio/x-m4a audio/m4a audio/x-m4b .m4b .isma")
AAC = Kind("audio/aac", ".aac", "audio", "an AAC recording", also="audio/aacp audio/x-aac audio/x-hx-aac-adts .adts",
           marks=(b"ADIF",))
WEBM_AUDIO = Kind("audio/webm", ".webm", "audio", "a WebM recording")
MKA = Kind("audio/x-matroska", ".mka", "audio", "a Matroska recording", also="audio/matroska")
THREE_GP_AUDIO = Kind("audio/3gpp", ".3gp", "audio", "a 3GP recording")
THREE_G2_AUDIO = Kind("audio/3gpp2", ".3g2", "audio", "a 3G2 recording")
WMA = Kind("audio/x-ms-wma", ".wma", "audio", "a Windows Media recording")
AIFF = Kind("audio/aiff", ".aiff", "audio", "an AIFF recording", also="audio/x-aiff .aif .aifc")
AU = Kind("audio/basic", ".au", "audio", "an AU recording", also="audio/x-au audio/au .snd", marks=(b".snd\0\0",))
CAF = Kind("audio/x-caf", ".caf", "audio", "a CAF recording", marks=(b"caff\0\x01", b"caff\0\x02"))
AMR = Kind("audio/amr", ".amr", "audio", "an AMR recording", marks=(b"#!AMR",))
AMR_WB = Kind("audio/amr-wb", ".awb", "audio", "an AMR recording", marks=(b"#!AMR-WB",))
AC3 = Kind("audio/ac3", ".ac3", "audio", "an AC-3 recording")
EAC3 = Kind("audio/eac3", ".eac3", "audio", "an E-AC-3 recording", also=".ec3")
MIDI = Kind("audio/midi", ".mid", "audio", "a MIDI file", also="audio/mid audio/x-midi audio/sp-midi .midi .kar",
            marks=(b"MThd\0\0\0\x06",))

ZIP = Kind("application/zip", ".zip", None, "a ZIP archive", also="application/x-zip-compressed",
           marks=(b"PK\x03\x04", b"PK\x05\x06"))
GZIP = Kind("application/gzip", ".gz", None, "a gzip file", also="application/x-gzip", marks=(b"\x1f\x8b\x08",))
JSON = Kind("application/json", ".json", None, "a JSON document", also="text/json")
XML = Kind("application/xml", ".xml", None, "an XML document", also="text/xml")
TEXT = Kind("text/plain", ".txt", None, "text")
OTHER = Kind("application/octet-stream", ".bin", None, "an unknown kind of file")

KINDS: tuple[Kind, ...] = (
    *(PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIC, HEIF, SVG, PSD, JXL, JP2, J2K, ICO),
    *(MP4, MOV, WEBM, MKV, THREE_GP, THREE_G2, OGV, AVI, FLV, WMV, ASF, MPEG_TS, MPEG_PS),
    *(MP3, WAV, W64, FLAC, OGG, M4A, AAC, MKA, WMA, AIFF, AU, CAF, AMR, AMR_WB, AC3, EAC3, MIDI),
)
"""Pictures, videos and recordings; each is what its type and its extension stand for."""

_RARE = (
    Kind("image/jls", ".jls", "image", "a JPEG-LS picture", marks=(b"\xff\xd8\xff\xf7",)),
    Kind("image/jxs", ".jxs", "image", "a JPEG XS picture", marks=(b"\xff\x10\xff\x50",)),
    Kind("image/qoi", ".qoi", "image", "a QOI picture", marks=(b"qoif",)),
    Kind("image/x-portable-bitmap", ".pbm", "image", "a PBM picture"),
    Kind("image/x-portable-graymap", ".pgm", "image", "a PGM picture"),
    Kind("image/x-portable-pixmap", ".ppm", "image", "a PPM picture"),
    Kind("image/x-portable-arbitrarymap", ".pam", "image", "a PAM picture"),
    Kind("image/x-portable-floatmap", ".pfm", "image", "a PFM picture"),
    Kind("image/x-portable-halfmap", ".phm", "image", "a PHM picture"),
    Kind("image/vnd.zbrush.pcx", ".pcx", "image", "a PCX picture"),
    Kind("image/x-dpx", ".dpx", "image", "a DPX picture", marks=(b"SDPX", b"XPDS")),
    Kind("image/x-exr", ".exr", "image", "an OpenEXR picture", also="image/aces image/exr",
         marks=(b"\x76\x2f\x31\x01",)),
    Kind("image/vnd.radiance", ".hdr", "image", "a Radiance picture", also=".rgbe", marks=(b"#?RADIANCE", b"#?RGBE")),
    Kind("image/x-sgi", ".sgi", "image", "an SGI picture"),
    Kind("image/x-sun-raster", ".ras", "image", "a Sun raster picture", marks=(b"\x59\xa6\x6a\x95",)),
    Kind("image/x-tga", ".tga", "image", "a TGA picture", also="image/tga image/x-targa"),
    Kind("image/x-xwindowdump", ".xwd", "image", "an XWD picture"),
    Kind("image/x-xbitmap", ".xbm", "image", "an XBM picture"),
    Kind("image/vnd.wap.wbmp", ".wbmp", "image", "a WBMP picture"),
    Kind("image/x-vbn", ".vbn", "image", "a VBN picture"),
    Kind("image/fits", ".fits", "image", "a FITS picture", marks=(b"SIMPLE  = ",)),
    Kind("image/icns", ".icns", "image", "an icon", marks=(b"icns",)),
    Kind("image/vnd-ms.dds", ".dds", "image", "a DDS texture", marks=(b"DDS \x7c\0\0\0",)),
    Kind("image/ktx", ".ktx", "image", "a KTX texture", marks=(b"\xabKTX 11\xbb",)),
    Kind("image/ktx2", ".ktx2", "image", "a KTX2 texture", marks=(b"\xabKTX 20\xbb",)),
    Kind("application/vnd.rn-realmedia", ".rm", "video", "a RealMedia file", also="audio/vnd.rn-realaudio",
         marks=(b".RMF\0",)),
    Kind("application/mxf", ".mxf", "video", "an MXF video", also="video/mxf",
         marks=(b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02",)),
    Kind("application/vnd.adobe.flash.movie", ".swf", "video", "a Flash film", also="application/x-shockwave-flash",
         marks=(b"FWS", b"CWS", b"ZWS")),
    Kind("video/x-gxf", ".gxf", "video", "a GXF video", marks=(b"\0\0\0\0\x01\xbc\0\0",)),
    Kind("video/x-nut", ".nut", "video", "a NUT video", marks=(b"nut/multimedia container\0",)),
    Kind("video/x-ivf", ".ivf", "video", "an IVF video", marks=(b"DKIF\0\0",)),
    Kind("video/x-amv", ".amv", "video", "an AMV video"),
    Kind("video/x-dv", ".dv", "video", "a DV video"),
    Kind("video/x-roq", ".roq", "video", "a RoQ video", marks=(b"\x84\x10\xff\xff\xff\xff",)),
    Kind("video/x-film-cpk", ".cpk", "video", "a CPK video"),
    Kind("video/x-filmstrip", ".flm", "video", "a filmstrip"),
    Kind("video/x-smjpeg", ".smjpeg", "video", "an SMJPEG video", marks=(b"\0\nSMJPEG\0",)),
    Kind("video/x-motion-jpeg", ".mjpeg", "video", "a motion JPEG video"),
    Kind("video/x-wtv", ".wtv", "video", "a WTV video", marks=(b"\xb7\xd8\x00\x20\x37\x49\xda\x11",)),
    Kind("video/x-yuv4mpeg", ".y4m", "video", "a YUV4MPEG video", marks=(b"YUV4MPEG2 ",)),
    Kind("video/h261", ".h261", "video", "an H.261 video"),
    Kind("video/h263", ".h263", "video", "an H.263 video"),
    Kind("video/h264", ".h264", "video", "an H.264 video", also=".264 .avc"),
    Kind("video/h265", ".h265", "video", "an H.265 video", also=".265 .hevc"),
    Kind("video/h266", ".h266", "video", "an H.266 video"),
    Kind("video/mp4v-es", ".m4v", "video", "an MPEG-4 video"),
    Kind("video/av1", ".obu", "video", "an AV1 video"),
    Kind("video/x-apv", ".apv", "video", "an APV video"),
    Kind("video/x-dirac", ".drc", "video", "a Dirac video", marks=(b"BBCD",)),
    Kind("video/x-dnxhd", ".dnxhd", "video", "a DNxHD video",
         marks=(b"\0\0\x02\x80\x01", b"\0\0\x02\x80\x02", b"\0\0\x02\x80\x03")),
    Kind("video/vc1", ".vc1", "video", "a VC-1 video"),
    Kind("video/x-rcv", ".rcv", "video", "a VC-1 video"),
    Kind("audio/x-pn-realaudio", ".ra", "audio", "a RealAudio recording", marks=(b".ra\xfd",)),
    Kind("audio/mp4a-latm", ".latm", "audio", "an AAC recording"),
    Kind("audio/ac4", ".ac4", "audio", "an AC-4 recording", marks=(b"\xac\x40", b"\xac\x41")),
    Kind("audio/vnd.dts", ".dts", "audio", "a DTS recording",
         marks=(b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80", b"\x1f\xff\xe8\x00", b"\xff\x1f\x00\xe8", b"DTSHDHDR")),
    Kind("audio/x-mlp", ".mlp", "audio", "an MLP recording"),
    Kind("audio/x-truehd", ".thd", "audio", "a TrueHD recording"),
    Kind("audio/x-tta", ".tta", "audio", "a TTA recording", marks=(b"TTA1", b"TTA2")),
    Kind("audio/x-wavpack", ".wv", "audio", "a WavPack recording", marks=(b"wvpk",)),
    Kind("audio/x-ape", ".ape", "audio", "a Monkey's Audio recording", marks=(b"MAC ",)),
    Kind("audio/x-musepack", ".mpc", "audio", "a Musepack recording", marks=(b"MPCK", b"MP+")),
    Kind("audio/x-dsf", ".dsf", "audio", "a DSF recording", marks=(b"DSD \x1c\0\0\0",)),
    Kind("audio/x-voc", ".voc", "audio", "a VOC recording", marks=(b"Creative Voice File\x1a",)),
    Kind("audio/x-sox", ".sox", "audio", "a SoX recording", marks=(b".SoX", b"XoS.")),
    Kind("audio/x-ircam", ".sf", "audio", "an IRCAM recording",
         marks=(b"\x64\xa3\x01\0", b"\x64\xa3\x02\0", b"\x64\xa3\x03\0", b"\0\x01\xa3\x64", b"\0\x02\xa3\x64")),
    Kind("audio/x-adx", ".adx", "audio", "an ADX recording"),
    Kind("audio/x-aea", ".aea", "audio", "an AEA recording", marks=(b"\0\x08\0\0\0\0",)),
    Kind("audio/x-ast", ".ast", "audio", "an AST recording", marks=(b"STRM",)),
    Kind("audio/x-oma", ".oma", "audio", "an OpenMG recording", marks=(b"ea3\x03", b"EA3\0\x60")),
    Kind("audio/x-smaf", ".mmf", "audio", "a SMAF recording", marks=(b"MMMD",)),
    Kind("audio/x-ilbc", ".lbc", "audio", "an iLBC recording", marks=(b"#!iLBC",)),
    Kind("audio/x-lc3", ".lc3", "audio", "an LC3 recording", marks=(b"\x1c\xcc",)),
    Kind("audio/x-codec2", ".c2", "audio", "a Codec 2 recording", marks=(b"\xc0\xde\xc2",)),
    Kind("audio/x-sbc", ".sbc", "audio", "an SBC recording"),
    Kind("audio/x-g729", ".bit", "audio", "a G.729 recording"),
    Kind("audio/g722", ".g722", "audio", "a G.722 recording"),
    Kind("audio/x-gsm", ".gsm", "audio", "a GSM recording"),
    Kind("audio/iamf", ".iamf", "audio", "an IAMF recording", marks=(b"\xf8\x06iamf",)),
    Kind("audio/x-rso", ".rso", "audio", "an RSO recording"),
    Kind("audio/x-kvag", ".vag", "audio", "a VAG recording", marks=(b"GVAG", b"KVAG")),
    Kind("audio/x-argo-asf", ".asf", "audio", "an Argonaut recording", marks=(b"ASF\0",)),
    Kind("audio/x-argo-cvg", ".cvg", "audio", "an Argonaut recording"),
    Kind("audio/x-alp", ".tun", "audio", "an ALP recording", marks=(b"ALP ",)),
    Kind("audio/x-apm", ".apm", "audio", "an APM recording"),
    Kind("audio/x-spdif", ".spdif", "audio", "an S/PDIF recording", marks=(b"\x72\xf8\x1f\x4e", b"\xf8\x72\x4e\x1f")),
    Kind("audio/l16", ".pcm", "audio", "raw sound", also="audio/pcm audio/x-pcm audio/l24 audio/l8"),
    Kind("audio/x-mpegurl", ".m3u", "audio", "a playlist"),
    Kind("application/vnd.apple.mpegurl", ".m3u8", "video", "an HLS playlist", also="application/x-mpegurl",
         marks=(b"#EXTM3U",)),
    Kind("application/dash+xml", ".mpd", "video", "a DASH playlist"),
    Kind("model/gltf-binary", ".glb", None, "a glTF model", marks=(b"glTF\x01\0\0\0", b"glTF\x02\0\0\0")),
    Kind("model/gltf+json", ".gltf", None, "a glTF model"),
    Kind("model/obj", ".obj", None, "an OBJ model", also="application/x-tgif"),
    Kind("model/mtl", ".mtl", None, "the materials of a model"),
    Kind("model/stl", ".stl", None, "an STL model",
         also="application/sla application/vnd.ms-pki.stl model/x.stl-binary model/x.stl-ascii"),
    Kind("model/ply", ".ply", None, "a PLY model", marks=(b"ply\nformat ", b"ply\r\nformat ")),
    Kind("model/vnd.usdz+zip", ".usdz", None, "a USDZ model", also="model/usdz"),
    Kind("model/3mf", ".3mf", None, "a 3MF model"),
    Kind("model/vnd.autodesk.fbx", ".fbx", None, "an FBX model", marks=(b"Kaydara FBX Binary",)),
    Kind("application/x-blender", ".blend", None, "a Blender file", marks=(b"BLENDER",)),
    Kind("application/pdf", ".pdf", None, "a PDF document", also="application/x-pdf", marks=(b"%PDF-",)),
    Kind("application/postscript", ".ps", None, "a PostScript document", also=".eps",
         marks=(b"%!PS", b"\xc5\xd0\xd3\xc6")),
    Kind("application/x-tar", ".tar", None, "a tar archive"),
    Kind("application/x-7z-compressed", ".7z", None, "a 7z archive", marks=(b"7z\xbc\xaf\x27\x1c",)),
    Kind("application/vnd.rar", ".rar", None, "a RAR archive", marks=(b"Rar!\x1a\x07",)),
    Kind("application/x-bzip2", ".bz2", None, "a bzip2 file"),
    Kind("application/x-xz", ".xz", None, "an xz file", marks=(b"\xfd7zXZ\0",)),
    Kind("application/zstd", ".zst", None, "a zstd file", marks=(b"\x28\xb5\x2f\xfd",)),
    Kind("text/vtt", ".vtt", None, "subtitles", marks=(b"WEBVTT", b"\xef\xbb\xbfWEBVTT")),
    Kind("application/x-subrip", ".srt", None, "subtitles"),
    Kind("text/x-ssa", ".ass", None, "subtitles"),
    Kind("text/csv", ".csv", None, "a table"),
    Kind("text/markdown", ".md", None, "text"),
    Kind("font/ttf", ".ttf", None, "a font"),
    Kind("font/otf", ".otf", None, "a font", marks=(b"OTTO\0",)),
    Kind("font/woff2", ".woff2", None, "a font", marks=(b"wOF2",)),
)
"""The long tail: kinds that no code asks for by name."""
# fmt: on

_ALL = (*KINDS, MP2, WEBM_AUDIO, THREE_GP_AUDIO, THREE_G2_AUDIO, ZIP, GZIP, JSON, XML, TEXT, OTHER, *_RARE)
_BY_NAME = {
    **{name: kind for kind in reversed(_ALL) for name in (kind.mime_type, kind.extension)},
    **{name: kind for kind in reversed(_ALL) for name in kind.also.split()},
}
"""Kinds by MIME type and by extension: of two that share one the first counts, and `also` before all (`.m4v`)."""

MARKS = tuple(sorted(((mark, kind) for kind in _ALL for mark in kind.marks), key=lambda pair: -len(pair[0])))
"""What files of a kind begin with, the longest marks first."""


def for_mime(mime_type: str) -> Kind | None:
    """Returns the kind that a declared type names, None for a type that is not known here."""
    return _BY_NAME.get(mime_type[:200].partition(";")[0].strip().lower())


def for_extension(extension: str) -> Kind | None:
    """Returns the kind of `.png` and the like, None where it is not known here."""
    return _BY_NAME.get(extension.lower())


def are_alike(one: Kind, other: Kind) -> bool:
    """Tells whether a reader of the one takes the other too: only what they hold, or how it is called, differs."""
    pair = {one, other}
    if pair in ({MP4, M4A}, {HEIC, HEIF}, {WEBM, WEBM_AUDIO}, {MKV, MKA}, {ASF, WMV}, {ASF, WMA}):
        return True
    return one.mime_type == other.mime_type or one.extension == other.extension
