"""What a user agent says of device and browser, read by the ua-parser project's rules."""

from dataclasses import dataclass

from ua_parser import parse


@dataclass(frozen=True, slots=True)
class Agent:
    device: str | None
    browser: str | None
    os: str | None


def read_agent(text: str) -> Agent:
    """Device family, else "<OS> computer"; browser family without version; None where nothing is known."""
    result = parse(text)
    os = result.os.family if result.os else None
    device = result.device.family if result.device else None
    browser = result.user_agent.family if result.user_agent else None
    return Agent(device or (f"{os} computer" if os else None), browser, os)
