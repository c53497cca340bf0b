"""How much may be sent."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True)
class UploadLimits:
    """Limits of one upload; each has its sentence when it is reached.

    Attributes:
        upload_bytes: what is sent, all files together.
        files: how many files, those inside archives included.
        unpacked_bytes: what archives may hold, all together; 0 for twice ``upload_bytes``.
        voxel_bytes: what one image may hold when decompressed; 0 for four times ``upload_bytes``.
        ratio: how many times smaller an archive may be than what it holds.
        free_bytes: what stays free on the disk.
    """

    upload_bytes: int = 2048 * MB
    files: int = 20_000
    unpacked_bytes: int = 0
    voxel_bytes: int = 0
    ratio: float = 200.0
    free_bytes: int = 200 * MB

    @property
    def most_unpacked(self) -> int:
        """Bytes that archives may hold."""
        return self.unpacked_bytes or 2 * self.upload_bytes

    @property
    def most_voxels(self) -> int:
        """Bytes that one image may hold."""
        return self.voxel_bytes or 4 * self.upload_bytes
