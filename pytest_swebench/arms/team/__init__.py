"""Teams: several agents with tools and turns of their own, and a policy that says who has the floor."""
