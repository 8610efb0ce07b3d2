"""The steps of the tour. Each operation of the document stands here at least once; the first time is its example."""

from .touring import Step

_RULE = {"all": [{"order.amount": {"gte": 50}}, {"time.weekday": {"in": ["sat", "sun"]}}]}
_NOBODY = "0" * 26
_ORDER = {"items": [{"product_id": "shoe-42", "price": 60, "quantity": 1}, {"sku": "sock", "price": 5, "quantity": 2}]}

ACCOUNTS = (
    Step("getOpenApiDocument"),
    Step("getAccount"),
    Step("createProject", {"name": "Another client", "currency": "EUR"}, kept="project", is_admins=True),
    Step("listProjects", is_admins=True),
    Step("getProject", at=("{project.id}",), is_admins=True),
    Step("updateProject", {"name": "A client"}, ("{project.id}",), is_admins=True),
    Step("createApiKey", {"type": "PUBLISHABLE"}, kept="key"),
    Step("rotateApiKey", {"grace_s": 3600}, ("{key.id}",)),
    Step("listApiKeys"),
    Step("revokeApiKey", at=("{key.id}",)),
    Step("getOverview"),
    Step("inviteMember", {"email": "bob{mark}@example.com", "role": "analyst"}, kept="member", is_admins=True),
    Step("listMembers", is_admins=True),
    Step("getMember", at=("{member.id}",), is_admins=True),
    Step("updateMember", {"role": "manager"}, ("{member.id}",), is_admins=True),
    Step("removeMember", at=("{member.id}",), is_admins=True),
    Step("listAuditLog", is_admins=True),
)

SHOP = (
    Step(
        "upsertCustomer",
        {
            "id": "cust_1{mark}",
            "name": "Ada",
            "email": "ada@example.com",
            "segments": ["vip"],
            "metadata": {"size": 42},
        },
        kept="customer",
    ),
    Step("listCustomers"),
    Step("getCustomer", at=("{customer.id}",)),
    Step("updateCustomer", {"metadata": {"size": 43}}, ("{customer.id}",)),
    Step("upsertCustomer", {"id": "guest{mark}", "email": "guest@example.com"}, kept="visitor"),
    Step("deleteCustomer", at=("{visitor.id}",)),
    Step("upsertProduct", {"id": "shoe-42", "name": "Shoe", "price": 60, "categories": ["shoes"]}, kept="product"),
    Step("listProducts"),
    Step("getProduct", at=("{product.id}",)),
    Step("upsertSegment", {"id": "vip", "name": "Our best"}, kept="segment"),
    Step("listSegments"),
    Step("getSegment", at=("{segment.id}",)),
    Step("createValidationRule", {"name": "Weekend, from 50", "rule": _RULE}, kept="rule"),
    Step("listValidationRules"),
    Step("getValidationRule", at=("{rule.id}",)),
    Step("updateValidationRule", {"name": "At the weekend"}, ("{rule.id}",)),
    Step("getStackingRules"),
    Step("putStackingRules", {"application_mode": "PARTIAL", "max_applied": 5}),
)

CAMPAIGNS = (
    Step(
        "createCampaign",
        {"name": "Summer", "type": "DISCOUNT", "rules": {"discount_type": "PERCENT", "discount_value": 20}},
        kept="campaign",
    ),
    Step("listCampaigns"),
    Step("getCampaign", at=("{campaign.id}",)),
    Step("updateCampaign", {"rules": {"max_redemptions": 1000}}, ("{campaign.id}",)),
    Step("pauseCampaign", at=("{campaign.id}",)),
    Step("resumeCampaign", at=("{campaign.id}",)),
    Step("createVouchers", {"campaign_id": "{campaign.id}", "count": 10}, kept="action"),
    Step("listAsyncActions"),
    Step("getAsyncAction", at=("{action.async_action_id}",)),
    Step(
        "createVoucher",
        {"code": "SAVE20-{mark}", "discount_type": "PERCENT", "discount_value": 20, "max_redemptions": 500},
        kept="voucher",
    ),
    Step("listVouchers"),
    Step("getVoucher", at=("{voucher.code}",)),
    Step("updateVoucher", {"expires_at": "2099-12-31T23:59:59Z"}, ("{voucher.id}",)),
    Step("disableVoucher", at=("{voucher.code}",)),
    Step("enableVoucher", at=("{voucher.code}",)),
    Step(
        "createPromotionTier",
        {"name": "10 off from 50", "discount_type": "AMOUNT", "discount_value": 10, "hierarchy": 3},
        kept="tier",
    ),
    Step("listPromotionTiers"),
    Step("getPromotionTier", at=("{tier.id}",)),
    Step("updatePromotionTier", {"hierarchy": 1}, ("{tier.id}",)),
    Step("disablePromotionTier", at=("{tier.id}",)),
    Step("enablePromotionTier", at=("{tier.id}",)),
)

CARDS = (
    Step("createGiftCard", {"amount": 50, "customer_id": "{customer.id}"}, kept="gift"),
    Step("listGiftCards"),
    Step("getGiftCard", at=("{gift.code}",)),
    Step("updateGiftCard", {"metadata": {"wrapped": True}}, ("{gift.id}",)),
    Step("topUpGiftCard", {"amount": 25, "reason": "a birthday"}, ("{gift.code}",)),
    Step("blockGiftCard", at=("{gift.code}",)),
    Step("unblockGiftCard", at=("{gift.code}",)),
    Step("listGiftCardTransactions", at=("{gift.code}",)),
    Step("createGiftCard", {"amount": 10, "active": False}, kept="idle"),
    Step("activateGiftCard", at=("{idle.code}",)),
    Step("expireGiftCard", at=("{idle.code}",)),
    Step("createCampaign", {"name": "Cards", "type": "GIFT_CARD", "card_amount": 20}, kept="cards"),
    Step("createGiftCards", {"campaign_id": "{cards.id}", "count": 5}),
    Step(
        "createLoyaltyProgram",
        {
            "name": "Club",
            "spending": {"points": 100, "amount": 1, "min_points": 50, "max_percent": 50},
            "earning_rules": [{"id": "per_euro", "event": "order.paid", "points": 2, "per": 1}],
            "tiers": [{"id": "silver", "name": "Silver", "from_points": 100, "factor": 1.5}],
        },
        kept="club",
    ),
    Step("listLoyaltyPrograms"),
    Step("getLoyaltyProgram", at=("{club.id}",)),
    Step("updateLoyaltyProgram", {"name": "The club"}, ("{club.id}",)),
    Step("pauseLoyaltyProgram", at=("{club.id}",)),
    Step("resumeLoyaltyProgram", at=("{club.id}",)),
    Step("issueLoyaltyCard", {"customer_id": "{customer.id}"}, ("{club.id}",), "card"),
    Step("listLoyaltyCards", at=("{club.id}",)),
    Step(
        "reportEvent",
        {"type": "order.paid", "customer_id": "{customer.id}", "order": {"id": "order-{mark}", "amount": 80}},
    ),
    Step("getLoyaltyCard", at=("{card.code}",)),
    Step("adjustLoyaltyCard", {"points": 20, "reason": "we are sorry"}, ("{card.code}",)),
    Step("blockLoyaltyCard", at=("{card.code}",)),
    Step("unblockLoyaltyCard", at=("{card.code}",)),
    Step("listPointsEntries", at=("{card.code}",)),
    Step(
        "createReferralProgram",
        {"name": "Friends", "rules": {"discount_type": "PERCENT", "discount_value": 10}},
        kept="friends",
    ),
    Step("listReferralPrograms"),
    Step("getReferralProgram", at=("{friends.id}",)),
    Step("updateReferralProgram", {"name": "Friends of ours"}, ("{friends.id}",)),
    Step("pauseReferralProgram", at=("{friends.id}",)),
    Step("resumeReferralProgram", at=("{friends.id}",)),
    Step("issueReferralCode", {"customer_id": "{customer.id}", "prefix": "ADA"}, ("{friends.id}",), "referral"),
    Step("listReferralCodes", at=("{friends.id}",)),
    Step("disableReferralCode", at=("{friends.id}", "{referral.code}")),
    Step("enableReferralCode", at=("{friends.id}", "{referral.code}")),
    Step("listReferrals", at=("{friends.id}",)),
    Step("getWallet", at=("{customer.id}",)),
    Step("exportCustomer", at=("{customer.id}",)),
)

CHECKOUT = (
    Step("validateCode", {"customer_id": "{customer.id}", "order_value": 89.99}, ("{voucher.code}",)),
    Step(
        "redeemCode",
        {"customer_id": "{customer.id}", "order_value": 89.99},
        ("{voucher.code}",),
        "redemption",
        key="order-1{mark}",
    ),
    Step("getRedemption", at=("{redemption.id}",)),
    Step("getRedemptionByKey", at=("order-1{mark}",)),
    Step(
        "validateRedeemables",
        {"redeemables": [{"id": "{voucher.code}"}, {"object": "promotion_tier", "id": "{tier.id}"}], "order": _ORDER},
    ),
    Step("findQualifying", {"customer": {"id": "{customer.id}"}, "order": _ORDER}),
    Step(
        "redeemStack",
        {
            "redeemables": [{"id": "{voucher.code}"}, {"object": "promotion_tier", "id": "{tier.id}"}],
            "customer": {"id": "{customer.id}"},
            "order": {"id": "cart-{mark}", **_ORDER},
        },
        kept="stack",
        key="order-2{mark}",
    ),
    Step("quoteReturn", {"redemption_id": "{stack.id}", "items": [{"product_id": "shoe-42", "quantity": 1}]}),
    Step(
        "rollBackRedemption",
        {"items": [{"sku": "sock", "quantity": 1}], "reason": "too small"},
        ("{stack.id}",),
        key="return-1{mark}",
    ),
    Step(
        "reserve",
        {"redeemables": [{"id": "{voucher.code}"}], "session": "cart-a{mark}", "order": {"amount": 40}, "ttl_s": 600},
        kept="held",
    ),
    Step("getReservation", at=("{held.id}",)),
    Step("extendReservation", {"ttl_s": 900}, ("{held.id}",)),
    Step("captureReservation", at=("{held.id}",)),
    Step(
        "reserve",
        {"redeemables": [{"id": "{voucher.code}"}], "session": "cart-b{mark}", "order": {"amount": 40}},
        kept="given_up",
    ),
    Step("releaseReservation", at=("{given_up.id}",)),
    Step("listRedemptions"),
    Step("getCampaignProof", at=("{campaign.id}",)),
    Step("listCampaignReceipts", at=("{campaign.id}",)),
    Step("getVoucherProof", at=("{voucher.code}",)),
    Step("listVoucherReceipts", at=("{voucher.code}",)),
    Step("listProofKeys"),
    Step("listQuarantine"),
    Step("applyQuarantined", at=(f"qrn_{_NOBODY}",), status=404),
    Step("voidQuarantined", at=(f"qrn_{_NOBODY}",), status=404),
)

IN_BULK = (
    Step("importVouchers", "code,discount_type,discount_value\nCSV{mark},AMOUNT,5\n", kept="import"),
    Step("importCustomers", "id,email\ncust_2{mark},grace@example.com\n"),
    Step("importProducts", "id,name,price\nsock,Sock,5\n"),
    Step("updateVouchers", {"vouchers": [{"code": "{voucher.code}", "metadata": {"shown": True}}]}),
    Step("updateCustomers", {"customers": [{"id": "{customer.id}", "name": "Ada L."}]}),
    Step("updateProducts", {"products": [{"id": "shoe-42", "price": 55}]}),
    Step("createExport", {"resource": "vouchers", "format": "csv"}, kept="export"),
    Step("cancelAsyncAction", at=("{export.async_action_id}",)),
    Step("eraseCustomer", at=("{visitor.id}",)),
    Step("getResult", at=("nobody-was-given-this",), status=404),
)

OF_PEOPLE = {
    "acceptInvitation", "askForPasswordReset", "beginTotp", "changePassword", "confirmTotp", "getMe", "logIn", "logOut",
    "removeTotp", "resetPassword", "signUp",
}  # fmt: skip
"""They take a person's password, mail or session, and no id of anything: tests/control_plane go to them."""

STEPS = (*ACCOUNTS, *SHOP, *CAMPAIGNS, *CARDS, *CHECKOUT, *IN_BULK)
