"""Small files in every container that the installed ffmpeg can write: a second of a picture, of a tone, or of both."""

import contextlib
import math
import struct
from pathlib import Path

import av
import av.container
import av.error
import av.logging
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

av.logging.set_level(av.logging.PANIC)

_NO_FILES = (  # devices, networks, several files at once, checksums and captions: nothing that a gateway answers with
    *("alsa", "fbdev", "oss", "video4linux2,v4l2", "rtp", "rtp_mpegts", "rtsp", "sap", "whip", "tee"),
    *("fifo", "null", "crc", "framecrc", "framehash", "framemd5", "hash", "md5", "streamhash"),
    *("uncodedframecrc", "ffmetadata", "mkvtimestamp_v2", "segment", "stream_segment,ssegment", "hls"),
    *("dash", "hds", "smoothstreaming", "webm_chunk", "webm_dash_manifest", "image2", "ass", "jacosub"),
    *("lrc", "mcc", "microdvd", "rcwt", "scc", "srt", "sup", "ttml", "webvtt"),
)
_RATES = (44_100, 48_000, 8_000, 16_000, 22_050, 32_000)
_SIZES = ((64, 48), (352, 288), (720, 576))


def containers() -> list[str]:
    """The names of all containers that are one file of pictures or sound."""

    def is_output(name: str) -> bool:
        with contextlib.suppress(ValueError):
            return av.ContainerFormat(name, "w").is_output
        return False

    return sorted(name for name in av.formats_available if name not in _NO_FILES and is_output(name))


def write(
    path: Path, container: str, *, video: str = "", audio: str = "", seconds: float = 1.0, **options: str
) -> bool:
    """Writes a file with the container's own codecs (`default`) or the named ones; False where it takes none such."""
    for size in _SIZES if video else ((0, 0),):
        for rate in _RATES if audio else (0,):
            with contextlib.suppress(av.error.FFmpegError, ValueError, NotImplementedError, TypeError, AttributeError):
                _write(path, container, video, audio, size, rate, seconds, options)
                return path.stat().st_size > 0
    path.unlink(missing_ok=True)
    return False


def _write(
    path: Path,
    container: str,
    video: str,
    audio: str,
    size: tuple[int, int],
    rate: int,
    seconds: float,
    options: dict[str, str],
) -> None:
    with av.open(str(path), "w", format=container, options=options) as output:
        pictures = _add_video(output, video, size) if video else None
        sound = _add_audio(output, audio, rate) if audio else None
        if pictures:
            form = pictures.pix_fmt
            for number in range(1 if container in ("ico", "webp", "avif", "image2pipe") else int(25 * seconds)):
                frame = av.VideoFrame(*size, "rgb24")
                row = bytes((number * 9 + x * 3) % 256 for x in range(frame.planes[0].line_size))
                frame.planes[0].update(row * size[1])
                frame = frame.reformat(format=form)
                frame.pts = number
                output.mux(pictures.encode(frame))
            output.mux(pictures.encode(None))
        if sound:
            for frame in _tone(sound, rate, seconds):
                output.mux(sound.encode(frame))
            output.mux(sound.encode(None))


def _add_video(output: av.container.OutputContainer, codec: str, size: tuple[int, int]) -> VideoStream:
    stream = output.add_stream(output.default_video_codec if codec == "default" else codec, rate=25)
    if not isinstance(stream, VideoStream):
        raise TypeError(codec)
    stream.width, stream.height = size
    forms = stream.codec_context.codec.video_formats
    stream.pix_fmt = forms[0].name if forms and "yuv420p" not in [form.name for form in forms] else "yuv420p"
    return stream


def _add_audio(output: av.container.OutputContainer, codec: str, rate: int) -> AudioStream:
    stream = output.add_stream(output.default_audio_codec if codec == "default" else codec, rate=rate)
    if not isinstance(stream, AudioStream):
        raise TypeError(codec)
    forms = stream.codec_context.codec.audio_formats
    stream.format = forms[0].name if forms else "s16"
    stream.layout = "mono"
    return stream


def _tone(stream: AudioStream, rate: int, seconds: float):
    resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.codec_context.frame_size or 1024)
    frame = av.AudioFrame(format="s16", layout="mono", samples=int(rate * seconds))
    samples = (int(9000 * math.sin(n * 880 * math.pi / rate)) for n in range(frame.samples))
    frame.planes[0].update(struct.pack(f"<{frame.samples}h", *samples).ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate, frame.pts = rate, 0
    yield from resampler.resample(frame)
    yield from resampler.resample(None)
