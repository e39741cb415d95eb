"""`sdr-ota doctor`: what is installed, what is missing, and the command that installs it."""

from sdr_ota.failure import CommandFailed


def doctor() -> None:
    """Check what is installed, and say how to install the rest."""
    from sdr_ota.assembly.installation import all_findings
    from sdr_ota.report.findings_table import print_findings

    findings = all_findings()
    print_findings(findings)
    missing = [f.name for f in findings if f.cure and f.is_needed]
    if missing:
        raise CommandFailed(f"missing: {', '.join(missing)}")
