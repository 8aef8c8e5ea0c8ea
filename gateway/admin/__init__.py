"""The admin pages: HTML for the people of a shop, over the same contract as everything else.

Pages hold no state and know no database. What they show and do they ask the services for, under the session token of
the member who looks at them; so whoever may not do something is refused by the service, whatever a page shows.
README.md beside this file tells how to add a page family.
"""

from gateway.admin.site import routes

__all__ = ["routes"]
