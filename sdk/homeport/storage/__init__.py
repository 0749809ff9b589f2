"""Storage: where a flow's code is kept. Descriptions only; what stores and fetches is found by the kind's name.

Each class takes the arguments of 1.4.1 and of 2.x, and the fields of a block of its kind by their names.
"""

from homeport.storage.description import Storage as Storage
from homeport.storage.folders import Local as Local
from homeport.storage.folders import LocalFileSystem as LocalFileSystem
from homeport.storage.images import Docker as Docker
from homeport.storage.modules import Module as Module
from homeport.storage.object_stores import GCS as GCS
from homeport.storage.object_stores import S3 as S3
from homeport.storage.object_stores import Azure as Azure
from homeport.storage.repositories import Bitbucket as Bitbucket
from homeport.storage.repositories import Git as Git
from homeport.storage.repositories import GitHub as GitHub
from homeport.storage.repositories import GitLab as GitLab
from homeport.storage.shares import SMB as SMB
