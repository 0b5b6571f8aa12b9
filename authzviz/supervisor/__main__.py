"""`python -m authzviz.supervisor`."""

import sys

from authzviz.supervisor.site import main

sys.exit(main())
