"""Google's Veo, on both gateways."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from apixo_mcp.catalog.fields import about, items, prompt
from apixo_mcp.catalog.inputs import AnyInput, ModelInput, Url
from apixo_mcp.catalog.marks import Files
from apixo_mcp.catalog.model import GOOGLE_SOUND, POLICY_OR_IMAGE, RUXA_VIDEO, VIDEO_SCHEDULE, Model, Price, Remark
from apixo_mcp.catalog.rules import count, only, refused, required

_FRAMES = {"generationType": ["FIRST_AND_LAST_FRAMES_2_VIDEO"]}
_REFERENCE = {"generationType": ["REFERENCE_2_VIDEO"]}


class Veo31Input(ModelInput):
    """The input of veo-3-1."""

    RULES = (
        required("image_urls", when={"generationType": ["FIRST_AND_LAST_FRAMES_2_VIDEO", "REFERENCE_2_VIDEO"]}),
        refused("image_urls", when={"generationType": ["TEXT_2_VIDEO"]}),
        count("image_urls", 1, 2, when=_FRAMES),
        count("image_urls", 1, 3, when=_REFERENCE),
        only("mode", ["fast"], when=_REFERENCE),
        only("aspect_ratio", ["16:9"], when=_REFERENCE),
    )

    LEFT_OUT: ClassVar[Mapping[str, str]] = {"mode": "fast", "generationType": "chosen by the inputs"}

    mode: Literal["quality", "fast"] = "quality"
    generationType: Literal["TEXT_2_VIDEO", "FIRST_AND_LAST_FRAMES_2_VIDEO", "REFERENCE_2_VIDEO"] = "TEXT_2_VIDEO"
    prompt: str = prompt(10000)
    image_urls: Annotated[list[Url] | None, Files(10, ("jpg", "png"))] = items(
        3, "First and last frame, or up to 3 references: JPG or PNG, at most 10 MB."
    )
    aspect_ratio: Literal["16:9", "9:16", "auto"] | None = about("16:9 if left out.")
    seed: int | None = about("Same seed, similar result.")
    watermark: str | None = about("The text of a watermark.")
    enableTranslation: bool | None = about("Older pages; true if left out.")


def _infer(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Infers the mode: up to two pictures are the first and last frame, three are references."""
    pictures = len(given.get("image_urls") or ())
    if not pictures:
        return {"generationType": "TEXT_2_VIDEO"}
    return {"generationType": "FIRST_AND_LAST_FRAMES_2_VIDEO" if pictures < 3 else "REFERENCE_2_VIDEO"}


MODELS = (
    Model(
        id="veo-3-1",
        title="Veo 3.1",
        vendor="Google",
        modality="video",
        input=Veo31Input,
        schedule=VIDEO_SCHEDULE,
        usual_seconds=(120, 120),
        times="about 2 min",
        quiet_defaults={"mode": "fast"},
        infer=_infer,
        aliases=("veo-3-1-fast",),  # the mode where none is given
        sound=GOOGLE_SOUND,
        quality=Remark("high fidelity in mode quality", "APIXO veo-3-1 page"),
        speed=Remark("quick and cheap in mode fast", "APIXO veo-3-1 page"),
        tips=(
            "fast is several times cheaper than quality, which is the gateway's own default.",
            "The length cannot be set.",
        ),
        fail_codes=POLICY_OR_IMAGE,
        prices=(
            Price(0.20, "video", "APIXO veo-3-1 page, its day not recorded", {"mode": "fast"}),
            Price(1.50, "video", "APIXO veo-3-1 page, its day not recorded", {"mode": "quality"}),
        ),
        sources=("apixo.ai/docs/models/video/veo-3-1",),
    ),
    *(
        Model(
            id=f"ruxa/{name}",
            gateway="ruxa",
            title=f"{title} (Ruxa)",
            vendor="Google",
            modality="video",
            input=AnyInput,
            schedule=RUXA_VIDEO,
            facts="none",
            aliases=(alias,),
            sound=GOOGLE_SOUND,
            result_hours=None,
            tips=(
                "Seen in client code, not on a page: seconds 8, aspect_ratio 16:9 or 9:16, enhance_prompt, "
                "enable_upsample.",
            ),
            sources=("public client code; no page of Ruxa describes it",),
        )
        for name, title, alias in (("veo3.1", "Veo 3.1", "ruxa/veo-3-1"), ("veo3", "Veo 3", "ruxa/veo-3"))
    ),
)
